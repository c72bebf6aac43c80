#!/usr/bin/env bash
# A Kubernetes cluster of one node on this machine, beside its Docker Engine, with a registry for its images.
#
#   cluster.sh up        start it unless it runs; prints the path of its kubeconfig
#   cluster.sh down      stop it and remove all that it brought, volumes included
#   cluster.sh status    print which part runs; exit 0 when all do, 3 when some do not
#   cluster.sh env       print shell settings for it: KUBECONFIG, PATH (kubectl), CDKTF_MLOPS_REGISTRY
#   cluster.sh snapshot  print what of the machine a cluster may change; the same before `up` and after `down`
#
# --home DIR keeps its state there, in place of $CDKTF_MLOPS_CACHE/kubernetes/run (~/.cache/cdktf-mlops). A machine has
# room for one cluster. What is pushed to the registry is kept over `down` in $CDKTF_MLOPS_CACHE/kubernetes/registry.
# CDKTF_MLOPS_REGISTRY_PORT moves the registry (default 5055).
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CDKTF_MLOPS_CACHE:-$HOME/.cache/cdktf-mlops}/kubernetes
[[ $cache == /* ]] || cache=$PWD/$cache
home=$cache/run
registry_port=${CDKTF_MLOPS_REGISTRY_PORT:-5055}
registry_container=cdktf-mlops-kubernetes-registry
parts=(etcd kube-apiserver containerd kube-controller-manager kube-scheduler local-provisioner kubelet kube-proxy
  coredns metrics-server network-policies)
# Settings of the kernel that kubelet, kube-proxy or this program change.
kernel_settings='kernel\.(panic|panic_on_oops|keys\.root_max.*)|vm\.(overcommit_memory|panic_on_oom)'
kernel_settings+='|net\.ipv4\.ip_forward|net\.bridge\..*'
kernel_settings+='|net\.ipv[46]\.conf\.(all|default|lo)\.(forwarding|route_localnet)'

say() { printf '%s\n' "$*" >&2; }

# Ends with what is wrong and what to do.
die() {
  say "error: $1."
  say "  remedy: $2."
  exit 1
}

usage() {
  say 'usage: cluster.sh up|down|status|env|snapshot [--home DIR]'
  exit 64
}

# --- Processes --------------------------------------------------------------------------------------------------------

# The process of a part, when it runs: a number alone may have become another program's.
process_of() {
  local pid
  pid=$(cat "$home/pid/$1" 2>/dev/null) && [[ $(readlink "/proc/$pid/exe") == "$(cat "$home/pid/$1.exe")"* ]] &&
    echo "$pid"
}

# start PART ARGUMENTS...: starts a part unless it runs
start() {
  local part=$1 program=$bin/$1
  shift
  process_of "$part" >/dev/null && return
  [[ -e $program ]] || program=$(command -v "$part")
  readlink -f "$program" >"$home/pid/$part.exe"
  # A proxy for the way out is not the way to the cluster. Whoever runs on must not hold the lock of `up` either.
  env -u HTTP_PROXY -u HTTPS_PROXY -u http_proxy -u https_proxy -u ALL_PROXY -u all_proxy PATH="$bin:$PATH" \
    setsid "$program" "$@" >>"$home/log/$part.log" 2>&1 </dev/null 9>&- &
  echo $! >"$home/pid/$part"
}

# stop PART: stops a part and waits for its end
stop() {
  local pid i
  pid=$(process_of "$1") || return 0
  kill "$pid" 2>/dev/null || true
  for ((i = 0; i < 100; i++)); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
}

# await SECONDS WHAT PART COMMAND...: waits until the command succeeds, as long as the part runs
await() {
  local limit=$((SECONDS + $1)) what=$2 part=$3
  shift 3
  until "$@" >/dev/null 2>&1; do
    if ! process_of "$part" >/dev/null || ((SECONDS >= limit)); then
      tail -n 6 "$home/log/$part.log" | cut -c1-300 | sed 's/^/  | /' >&2
      die "$what does not come up" "see $home/log/$part.log; 'cluster.sh down' removes what was started"
    fi
    sleep 0.2
  done
}

kubectl() {
  env -u HTTPS_PROXY -u https_proxy "$bin/kubectl" --kubeconfig "$home/admin.kubeconfig" "$@"
}

in_containerd() {
  ctr --address "$containerd_socket" --namespace k8s.io "$@"
}

# --- Up ---------------------------------------------------------------------------------------------------------------

# Installs what the node needs from Debian, where that may be done; else says what is missing.
ensure_packages() {
  local missing=() package
  for package in containerd runc iptables ipset conntrack curl iproute2 openssl procps; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [[ -x /usr/lib/cni/bridge ]] || missing+=(containernetworking-plugins)
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null ||
    die "the node needs ${missing[*]}, not installed here" 'install them, the network plugins into /usr/lib/cni'
  say "installing ${missing[*]}"
  { apt-get -o DPkg::Lock::Timeout=600 update -q && DEBIAN_FRONTEND=noninteractive apt-get \
    -o DPkg::Lock::Timeout=600 install -q -y --no-install-recommends "${missing[@]}"; } >"$home/log/packages.log" 2>&1 \
    </dev/null || die "the packages ${missing[*]} could not be installed" "see $home/log/packages.log"
}

ensure_links() {
  if [[ ! -e /sys/class/net/$node_link ]]; then
    # A bridge without ports; unlike a dummy link, every kernel that runs containers has it.
    ip link add "$node_link" type bridge
    ip addr add "$node_address/32" dev "$node_link"
    ip link set "$node_link" up
  fi
  # An address of no service stays on this machine.
  ip route replace "$service_range" dev "$node_link" src "$node_address"
  sysctl -qw net.ipv4.ip_forward=1
  sysctl -qw net.bridge.bridge-nf-call-iptables=1
}

ensure_registry() {
  local image state
  state=$(docker container inspect --format '{{.State.Running}}' "$registry_container" 2>/dev/null) || state=none
  [[ $state != true ]] || return 0
  docker version >/dev/null 2>&1 ||
    die 'the Docker Engine, which runs the registry, does not answer' 'start it, then run this again'
  "$here/../images/build.sh" registry
  image=$("$here/../images/build.sh" --print-context | sed -n 's/.*"registry": "\(.*\)".*/\1/p')
  docker rm -f "$registry_container" >/dev/null 2>&1 || true
  mkdir -p "$cache/registry"
  docker run -d --name "$registry_container" --label cdktf-mlops.airgap=true --user 0:0 \
    --publish "127.0.0.1:$registry_port:5000" --volume "$cache/registry:/var/lib/registry" "$image" \
    >"$home/log/registry.log" 2>&1 ||
    die "the registry does not start: $(tail -n 1 "$home/log/registry.log")" \
      'free its port or choose another (CDKTF_MLOPS_REGISTRY_PORT), then run this again'
}

node_is_ready() {
  kubectl get node "$node" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' | grep -qx True
}

pods_can_start() {
  kubectl -n default get serviceaccount default && kubectl -n kube-system get endpointslice kube-dns
}

metrics_are_served() {
  kubectl get apiservice v1beta1.metrics.k8s.io -o 'jsonpath={.status.conditions[?(@.type=="Available")].status}' |
    grep -qx True
}

up() {
  [[ $(id -u) == 0 ]] || die 'a cluster is started by root' 'run this as root'
  local begin=$SECONDS
  bin=$("$here/build.sh")
  umask 022
  mkdir -p "$home"/{log,pid}
  exec 9>"$home/up.lock"
  flock 9 # whoever comes second finds the cluster running
  ensure_packages
  [[ -e $home/network-namespaces ]] || ip netns list >"$home/network-namespaces"
  [[ -e $home/kernel-settings ]] || sysctl -a -e --pattern "^($kernel_settings)\$" >"$home/kernel-settings" 2>/dev/null
  if [[ -e /sys/class/net/$node_link && ! -e $home/admin.kubeconfig ]]; then
    die "another cluster runs on this machine (link $node_link)" "stop it: 'cluster.sh down --home' with its directory"
  fi
  ensure_links
  [[ -e $home/admin.kubeconfig ]] || write_certificates
  write_settings
  start_etcd
  start_containerd
  start_api_server
  ensure_registry 9>&- &
  local registry=$!
  await 60 'containerd' containerd in_containerd version
  in_containerd images import "$bin/pause.tar" >/dev/null
  await 120 'the API server' kube-apiserver kubectl get --raw /readyz
  say "the API server answers after $((SECONDS - begin)) s"
  start_controllers
  start_node
  kubectl apply -f "$here/manifests" >/dev/null
  await 120 'the node' kubelet node_is_ready
  await 60 'the controllers' kube-controller-manager pods_can_start
  start_extensions
  await 60 'the metrics API' metrics-server metrics_are_served
  await 60 'the name server' coredns curl -fsS --noproxy '*' "http://$node_address:8181/ready"
  wait "$registry" || exit 1
  say "the cluster is up after $((SECONDS - begin)) s; images are pushed to localhost:$registry_port"
  echo "$home/admin.kubeconfig"
}

# --- Down -------------------------------------------------------------------------------------------------------------

# Ends every process of every pod, also when containerd is gone.
kill_pods() {
  # Each control group that is listed may be gone the next moment, and its processes with it.
  { find /sys/fs/cgroup -path '*/kubepods*' -name cgroup.procs -exec cat {} + | sort -u |
    xargs -r kill -KILL; } 2>/dev/null || true
}

# Removes what kube-proxy and the network plugins wrote, in one transaction per table; Docker's rules stay.
remove_rules() {
  local command table
  for command in iptables ip6tables; do
    for table in filter nat mangle; do
      "$command-save" -t "$table" 2>/dev/null | awk -v table="$table" '
        /^:(KUBE|CNI)-/ { chain = substr($1, 2); flush = flush "-F " chain "\n"; remove = remove "-X " chain "\n" }
        /^-A / && $2 !~ /^(KUBE|CNI)-/ && / -j (KUBE|CNI)-/ { sub(/^-A/, "-D"); jumps = jumps $0 "\n" }
        END { if (flush jumps != "") printf "*%s\n%s%s%sCOMMIT\n", table, jumps, flush, remove }' |
        { rules=$(cat); [[ -z $rules ]] || "$command-restore" --noflush --wait <<<"$rules"; }
    done
  done
}

remove_sets() {
  local set left=0
  for set in $(ipset list -n | grep -E '^(inet6:)?(KUBE|kube-router)-'); do
    ipset destroy "$set" 2>/dev/null || left=1
  done
  return "$left"
}

# Gives the kernel's settings back that differ from what was found by `up`.
restore_kernel_settings() {
  local name value
  [[ -e $home/kernel-settings ]] || return 0
  while IFS='=' read -r name value; do
    name=${name% } value=${value# }
    [[ $(sysctl -n "$name" 2>/dev/null) == "$value" ]] || sysctl -qw "$name=$value"
  done <"$home/kernel-settings"
}

# Removes what kubelet, containerd and the network plugins keep where no setting moves it, and their folders when empty.
remove_files() {
  rm -rf /run/containerd/runc/k8s.io /run/containerd/io.containerd.runtime.v2.task/k8s.io
  rm -f /var/lib/cni/results/{pods,cni-loopback}-* /var/lib/kubelet/device-plugins/kubelet.sock
  find /var/log/containers -xtype l -delete 2>/dev/null || true
  rmdir /run/containerd/{runc,s,io.containerd.runtime.v2.task} /run/containerd /var/lib/cni/{results,} \
    /var/lib/kubelet/{device-plugins,} /var/log/containers /run/netns 2>/dev/null || true
}

down() {
  [[ $(id -u) == 0 ]] || die 'a cluster is stopped by root' 'run this as root'
  local part id namespace
  docker rm -f "$registry_container" >/dev/null 2>&1 || true
  if [[ ! -d $home/pid ]]; then
    say 'no cluster runs'
    return
  fi
  for part in kubelet kube-controller-manager kube-scheduler local-provisioner coredns kube-proxy metrics-server \
    network-policies; do
    stop "$part" &
  done
  wait
  kill_pods
  if process_of containerd >/dev/null; then
    for id in $(in_containerd tasks ls -q); do
      in_containerd tasks rm -f "$id" >/dev/null 2>&1 || true
    done
  fi
  for part in containerd kube-apiserver etcd; do
    stop "$part"
  done
  # A shim whose containerd ended first.
  pgrep -f -- "-address $containerd_socket" | xargs -r kill -KILL 2>/dev/null || true
  awk -v home="$home/" 'index($2, home) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n 1 umount -l
  for namespace in $(ip netns list | sed -n 's/^\(cni-[^ ]*\).*/\1/p'); do
    grep -q "^$namespace\b" "$home/network-namespaces" || ip netns delete "$namespace"
  done
  remove_rules
  remove_sets || { sleep 1 && remove_sets; } # the kernel lets go of them a moment after the rules
  ip link delete "$pod_link" 2>/dev/null || true
  ip link delete "$node_link" 2>/dev/null || true
  find /sys/fs/cgroup -depth -type d -path '*/kubepods*' -exec rmdir {} + 2>/dev/null || true
  restore_kernel_settings
  rm -rf "$home"
  remove_files
  say 'the cluster is down'
}

# --- The rest ---------------------------------------------------------------------------------------------------------

status() {
  local part pid state=0
  for part in "${parts[@]}"; do
    if pid=$(process_of "$part"); then
      printf '%-24s running, process %s, %s MB\n' "$part" "$pid" \
        "$(awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$pid/status")"
    else
      printf '%-24s not running\n' "$part"
      state=3
    fi
  done
  return "$state"
}

environment() {
  cat <<SHELL
export KUBECONFIG='$home/admin.kubeconfig'
export PATH='$("$here/build.sh" --print-directory)':"\$PATH"
export CDKTF_MLOPS_REGISTRY='localhost:$registry_port'
export NO_PROXY="$node_address\${NO_PROXY:+,\$NO_PROXY}"
SHELL
}

snapshot() {
  echo '# kernel settings'
  sysctl -a -e --pattern "^($kernel_settings)\$" 2>/dev/null
  # Docker's links to containers come and go, and its bridges get a link-local address with their first one.
  echo '# links, addresses, routes'
  ip -o addr | awk '$2 !~ /^veth/ && $4 !~ /^fe80:/ { print $2, $3, $4 }' | sort
  ip -o link show type veth | grep -v ' master ' || true
  ip route | sed 's/ linkdown//'
  echo '# network namespaces'
  ip netns list
  echo '# packet filter'
  local command
  for command in iptables ip6tables; do
    "$command-save" 2>/dev/null | awk -v command="$command" '
      /^\*/ { table = $1 } /^:.* -/ { print command, table, $1 } /^-A/ { print command, table, $0 }'
  done | sort
  ipset list -n 2>/dev/null || true
  echo '# mounts'
  awk '$2 !~ "^(/var/lib/docker|/run/docker)/" { print $1, $2, $3 }' /proc/mounts | sort
  echo '# processes'
  ps -eo args | grep -E "^($cache/|[^ ]*containerd)|$home" | grep -v -E 'grep|cluster\.sh|-namespace moby' | sort || true
  echo '# listening'
  ss -Htuln | awk '{ print $1, $5 }' | sort -u
  echo '# control groups, folders, containers'
  find /sys/fs/cgroup -maxdepth 2 -name '*kubepods*' | sort
  ls -d /etc/cni /etc/kubernetes /var/lib/cni /var/lib/kubelet /var/log/containers /var/log/pods /run/containerd/* \
    "$home" 2>/dev/null || true
  docker ps -a --format '{{.Names}}' --filter "name=$registry_container" 2>/dev/null || true
}

command=''
while (($#)); do
  case $1 in
    --home)
      [[ -n ${2:-} ]] || usage
      home=$(realpath -m "$2")
      shift
      ;;
    up | down | status | env | snapshot)
      [[ -z $command ]] || usage
      command=$1
      ;;
    *) usage ;;
  esac
  shift
done
bin=$("$here/build.sh" --print-directory)
# shellcheck source=settings.sh
. "$here/settings.sh"
case $command in
  up | down | status | snapshot) "$command" ;;
  env) environment ;;
  *) usage ;;
esac
