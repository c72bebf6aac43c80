# What the parts of the cluster are told: addresses, certificates and settings files. Sourced by cluster.sh, which sets
# $home and $bin.
# shellcheck shell=bash

# Everything listens on an address of the machine that no other machine reaches.
node=node
node_address=10.245.0.1
service_range=10.96.0.0/16
first_service_address=10.96.0.1
dns_address=10.96.0.10
pod_range=10.244.0.0/24
node_link=mlops-node
pod_link=mlops-pods
api_server=https://$node_address:6443
containerd_socket=$home/containerd/containerd.sock

# sign NAME SUBJECT [ALTERNATIVE NAMES]: makes a key and a certificate of the cluster's own authority
sign() {
  local name=$1 subject=$2 names=${3:-}
  openssl ecparam -name prime256v1 -genkey -noout -out "$name.key"
  openssl req -new -key "$name.key" -subj "$subject" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out "$name.crt" -extfile <(
      echo 'keyUsage=critical,digitalSignature'
      echo 'extendedKeyUsage=serverAuth,clientAuth'
      [[ -z $names ]] || echo "subjectAltName=$names"
    )
}

# kubeconfig NAME: writes the kubeconfig of who holds that certificate
kubeconfig() {
  cat >"$home/$1.kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters:
  - name: cdktf-mlops
    cluster: { server: '$api_server', certificate-authority-data: $(base64 -w0 ca.crt) }
users:
  - name: $1
    user: { client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key") }
contexts:
  - name: cdktf-mlops
    context: { cluster: cdktf-mlops, user: $1 }
current-context: cdktf-mlops
YAML
}

write_certificates() (
  umask 077
  mkdir -p "$home/pki"
  cd "$home/pki"
  {
    openssl ecparam -name prime256v1 -genkey -noout -out ca.key
    openssl req -x509 -new -key ca.key -subj /CN=cdktf-mlops -days 3650 -out ca.crt
    sign kube-apiserver /CN=kube-apiserver "$(printf 'DNS:%s,' kubernetes kubernetes.default kubernetes.default.svc \
      kubernetes.default.svc.cluster.local)IP:$first_service_address,IP:$node_address"
    sign kubelet-server "/CN=$node" "DNS:$node,IP:$node_address"
    sign front-proxy /CN=front-proxy
    sign admin /O=system:masters/CN=admin
    sign kubelet "/O=system:nodes/CN=system:node:$node"
    for name in kube-controller-manager kube-scheduler kube-proxy; do
      sign "$name" "/CN=system:$name"
    done
    openssl genrsa -out service-accounts.key 2048
    openssl rsa -in service-accounts.key -pubout -out service-accounts.pub
  } 2>"$home/log/openssl.log" || die 'the certificates could not be made' "see $home/log/openssl.log"
  for name in admin kubelet kube-controller-manager kube-scheduler kube-proxy; do
    kubeconfig "$name"
  done
)

write_settings() {
  mkdir -p "$home"/{containerd,cni,kubelet,pod-logs,volumes,"certs.d/localhost:$registry_port"}
  cat >"$home/containerd/config.toml" <<TOML
version = 2
root = "$home/containerd/root"
state = "$home/containerd/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "$containerd_socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true
  # A machine that is a container or a micro-VM itself may not lower what it was started with.
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "$home/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "$home/certs.d"
TOML
  cat >"$home/certs.d/localhost:$registry_port/hosts.toml" <<TOML
[host."http://127.0.0.1:$registry_port"]
  capabilities = ["pull", "resolve"]
TOML
  cat >"$home/cni/pods.conflist" <<JSON
{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    { "type": "bridge", "bridge": "$pod_link", "isGateway": true, "ipMasq": true, "hairpinMode": true,
      "ipam": { "type": "host-local", "dataDir": "$home/addresses", "ranges": [[{ "subnet": "$pod_range" }]],
                "routes": [{ "dst": "0.0.0.0/0" }] } },
    { "type": "firewall" },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
JSON
  : >"$home/resolv.conf" # pods ask the cluster's name server only
  cat >"$home/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://$containerd_socket
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
address: $node_address
healthzBindAddress: $node_address
authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: $home/pki/ca.crt } }
authorization: { mode: Webhook }
tlsCertFile: $home/pki/kubelet-server.crt
tlsPrivateKeyFile: $home/pki/kubelet-server.key
clusterDNS: [$dns_address]
clusterDomain: cluster.local
resolvConf: $home/resolv.conf
podLogsDir: $home/pod-logs
volumePluginDir: $home/kubelet/volume-plugins
maxPods: 200
enforceNodeAllocatable: [pods]
serializeImagePulls: false
syncFrequency: 10s
# The disk is the machine's, and the images come from a registry on the same disk: nothing is won by evicting.
imageGCHighThresholdPercent: 100
evictionHard: { memory.available: 0%, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0% }
YAML
  cat >"$home/kube-proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
hostnameOverride: $node
clientConnection: { kubeconfig: $home/kube-proxy.kubeconfig }
clusterCIDR: $pod_range
healthzBindAddress: $node_address:10256
metricsBindAddress: $node_address:10249
iptables: { minSyncPeriod: 100ms }
conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s } # the machine's own are kept
YAML
  local forward=''
  if grep -q '^nameserver' /etc/resolv.conf; then
    forward='forward . /etc/resolv.conf'
  fi
  cat >"$home/Corefile" <<COREFILE
.:53 {
  bind $node_address
  errors
  ready $node_address:8181
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $home/admin.kubeconfig
    fallthrough in-addr.arpa
    ttl 5
  }
  $forward
  cache 5
}
COREFILE
}

start_etcd() {
  # Nothing here is to survive the machine's end, so etcd need not wait for the disk.
  start etcd --data-dir "$home/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "http://127.0.0.1:12379" --advertise-client-urls "http://127.0.0.1:12379" \
    --listen-peer-urls "http://127.0.0.1:12380" --initial-advertise-peer-urls "http://127.0.0.1:12380" \
    --initial-cluster "default=http://127.0.0.1:12380"
}

start_api_server() {
  local pki=$home/pki
  start kube-apiserver --etcd-servers=http://127.0.0.1:12379 \
    --bind-address="$node_address" --advertise-address="$node_address" --secure-port=6443 \
    --tls-cert-file="$pki/kube-apiserver.crt" --tls-private-key-file="$pki/kube-apiserver.key" \
    --client-ca-file="$pki/ca.crt" --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --allow-privileged=true --service-cluster-ip-range="$service_range" \
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/service-accounts.pub" \
    --service-account-signing-key-file="$pki/service-accounts.key" \
    --requestheader-client-ca-file="$pki/ca.crt" --requestheader-allowed-names=front-proxy \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$pki/front-proxy.crt" --proxy-client-key-file="$pki/front-proxy.key"
}

start_controllers() {
  local pki=$home/pki
  start kube-controller-manager --kubeconfig="$home/kube-controller-manager.kubeconfig" \
    --authentication-kubeconfig="$home/kube-controller-manager.kubeconfig" \
    --authorization-kubeconfig="$home/kube-controller-manager.kubeconfig" \
    --bind-address=127.0.0.1 --leader-elect=false --use-service-account-credentials=true \
    --service-account-private-key-file="$pki/service-accounts.key" --root-ca-file="$pki/ca.crt" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
    --flex-volume-plugin-dir="$home/kubelet/volume-plugins"
  start kube-scheduler --kubeconfig="$home/kube-scheduler.kubeconfig" \
    --authentication-kubeconfig="$home/kube-scheduler.kubeconfig" \
    --authorization-kubeconfig="$home/kube-scheduler.kubeconfig" --bind-address=127.0.0.1 --leader-elect=false
  start local-provisioner --kubeconfig="$home/admin.kubeconfig" --directory="$home/volumes"
}

start_containerd() {
  start containerd --config "$home/containerd/config.toml"
}

start_node() {
  start kubelet --config="$home/kubelet.yaml" --kubeconfig="$home/kubelet.kubeconfig" --root-dir="$home/kubelet" \
    --cert-dir="$home/pki" --hostname-override="$node" --node-ip="$node_address" \
    --containerd="$containerd_socket" # where cAdvisor in it asks for the names of containers
  start kube-proxy --config="$home/kube-proxy.yaml"
  start coredns -conf "$home/Corefile"
}

# What needs a node.
start_extensions() {
  start metrics-server --kubeconfig="$home/admin.kubeconfig" --authentication-kubeconfig="$home/admin.kubeconfig" \
    --authorization-kubeconfig="$home/admin.kubeconfig" --bind-address="$node_address" --secure-port=10443 \
    --cert-dir="$home/metrics-server" --kubelet-certificate-authority="$home/pki/ca.crt" \
    --kubelet-preferred-address-types=InternalIP --kubelet-use-node-status-port \
    --metric-resolution=10s --kubelet-request-timeout=8s
  start network-policies --kubeconfig="$home/admin.kubeconfig" --node="$node" --services="$service_range"
}
