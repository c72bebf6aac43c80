#!/usr/bin/env bash
# Starts a cluster, sees that what the library builds upon works in it, stops it, and sees that the machine is as it
# was. Prints one line per promise; exits 1 at the first that is not kept. No other cluster may run on the machine.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
namespace=smoke

clean() {
  [[ -z ${forward:-} ]] || kill "$forward" 2>/dev/null || true
  if [[ -n ${started:-} ]]; then "$here/cluster.sh" down; fi
  rm -rf "$work"
}
trap clean EXIT

# expect PROMISE SECONDS COMMAND...: the command succeeds within so many seconds
expect() {
  local promise=$1 limit=$2 begin=$SECONDS
  shift 2
  until "$@" >"$work/out" 2>&1; do
    if ((SECONDS - begin > limit)); then
      printf 'not ok %s: %s\n' "$promise" "$*" >&2
      cat "$work/out" >&2
      [[ -z ${started:-} ]] || kubectl -n "$namespace" get pods,events >&2 || true
      exit 1
    fi
    sleep 0.5
  done
  printf 'ok %s (%d s)\n' "$promise" "$((SECONDS - begin))"
}

# prints TEXT COMMAND...: the command prints the text, however it ends
prints() {
  local text=$1 output
  shift
  output=$("$@" 2>&1) || true
  echo "$output"
  [[ $output == *"$text"* ]]
}

fails() {
  ! "$@"
}

in_pod() {
  kubectl -n "$namespace" exec "deployment/$1" -- "${@:2}"
}

# Says the status that the kubelet answers a service account with.
kubelet_answers() {
  local token
  token=$(kubectl -n "$namespace" create token "$1")
  curl -sS --noproxy '*' --cacert "$CLUSTER_CA" -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" \
    https://10.245.0.1:10250/metrics/cadvisor
}

if "$here/cluster.sh" status >/dev/null; then
  printf "error: a cluster runs on this machine.\n  remedy: stop it ('cluster.sh down'), then run this again.\n" >&2
  exit 1
fi
"$here/cluster.sh" snapshot >"$work/before"
started=yes
kubeconfig=$("$here/cluster.sh" up)
expect 'a second start finds it running' 5 prints "$kubeconfig" "$here/cluster.sh" up
eval "$("$here/cluster.sh" env)"
CLUSTER_CA=$(dirname "$kubeconfig")/pki/ca.crt

"$here/../images/build.sh" busybox
image=$("$here/../images/build.sh" --print-context | sed -n 's/.*"busybox": "\([^"]*\)".*/\1/p')
docker tag "$image" "$CDKTF_MLOPS_REGISTRY/smoke:1"
expect 'Docker pushes to the registry' 60 docker push -q "$CDKTF_MLOPS_REGISTRY/smoke:1"
digest=$(docker image inspect --format '{{index .RepoDigests 0}}' "$CDKTF_MLOPS_REGISTRY/smoke:1")
docker rmi "$CDKTF_MLOPS_REGISTRY/smoke:1" >/dev/null

kubectl create namespace "$namespace" >/dev/null
kubectl label namespace "$namespace" pod-security.kubernetes.io/enforce=restricted >/dev/null
expect 'Pod Security refuses a privileged pod' 5 prints 'violates PodSecurity' \
  kubectl -n "$namespace" run privileged --image="$digest" --privileged
sed "s|IMAGE|$digest|g" "$here/smoke.yaml" | kubectl -n "$namespace" apply -f - >/dev/null
kubectl create clusterrole "$namespace" --verb=get --resource=nodes/metrics >/dev/null
kubectl create clusterrolebinding "$namespace" --clusterrole="$namespace" \
  --serviceaccount="$namespace:reader" >/dev/null
expect 'a pod runs an image by its digest, with a volume' 90 \
  kubectl -n "$namespace" rollout status deployment/server --timeout=1s
expect 'another pod runs' 90 kubectl -n "$namespace" rollout status deployment/client --timeout=1s
expect 'services are found by name' 10 prints started in_pod client wget -qO- -T 2 http://server/log
expect 'logs are read' 10 prints 'response:200' kubectl -n "$namespace" logs deployment/server

kubectl -n "$namespace" port-forward service/server 18099:80 >"$work/forward" 2>&1 &
forward=$!
expect 'ports are forwarded' 10 prints started curl -fsS --noproxy '*' http://127.0.0.1:18099/log
kill "$forward"
forward=''

kubectl -n "$namespace" delete pod -l app=server >/dev/null
expect 'data survives its pod' 60 prints 2 in_pod server wc -l /data/log

expect 'network policies hold' 15 fails in_pod other wget -qO- -T 2 http://server/log
expect 'and let through what they allow' 5 prints started in_pod client wget -qO- -T 2 http://server/log

expect 'kubelets refuse who has no right' 5 prints 403 kubelet_answers default
expect 'and tell who has it what containers use' 5 prints 200 kubelet_answers reader

expect 'kubectl top answers' 60 prints server- kubectl -n "$namespace" top pods
expect 'an autoscaler knows what is used' 60 prints averageUtilization \
  kubectl -n "$namespace" get hpa server -o 'jsonpath={.status.currentMetrics[0].resource.current}'

volume=$(kubectl -n "$namespace" get pvc data -o 'jsonpath={.spec.volumeName}')
kubectl delete namespace "$namespace" >/dev/null
expect 'a deleted claim takes its volume along' 30 prints NotFound kubectl get pv "$volume"
expect 'and its data' 5 fails test -e "$(dirname "$kubeconfig")/volumes/$volume"

docker network create "$namespace" >/dev/null
expect 'Docker still runs containers' 30 docker run --rm --network "$namespace" "$image" true
docker network rm "$namespace" >/dev/null

"$here/cluster.sh" down
started=''
"$here/cluster.sh" snapshot >"$work/after"
expect 'the machine is as before' 0 diff "$work/before" "$work/after"
