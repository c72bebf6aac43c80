#!/usr/bin/env bash
# Builds Kubernetes from Go modules, etcd, CoreDNS and kubectl included, and prints the directory of the programs.
#
#   build.sh                    build unless built, print the directory; `kubectl` and the others lie in it
#   build.sh --print-directory  print where they are (or would be), without building
#
# The directory follows from the sources and the build's settings. CDKTF_MLOPS_CACHE moves the cache (default
# ~/.cache/cdktf-mlops). Two cores with nothing cached take about a quarter of an hour; whoever comes second waits.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
parts=(etcd coredns kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl
  local-provisioner metrics-server network-policies)
say() { printf '%s\n' "$*" >&2; }

sources() {
  cd "$here"
  find . -type f \( -name '*.go' ! -name '*_test.go' -o -name go.mod -o -name go.sum -o -name build.sh \) | sort
}

hash=$(cd "$here" && sources | xargs sha256sum | sha256sum | cut -c1-16)
cache=${CDKTF_MLOPS_CACHE:-${HOME}/.cache/cdktf-mlops}/kubernetes
[[ $cache == /* ]] || cache=$PWD/$cache
home=$cache/$hash

case ${1:-} in
  '') ;;
  --print-directory) echo "$home"; exit ;;
  *) say 'usage: build.sh [--print-directory]'; exit 64 ;;
esac

# Ends with what failed, the first lines of it, and what to do.
fail() {
  say "error: $1"
  [[ -z ${2:-} ]] || head -n 6 <<<"$2" | sed 's/^/  | /' >&2
  say "  remedy: $3."
  exit 1
}

if [[ -d $home ]]; then
  echo "$home"
  exit
fi
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || fail 'Go, which builds Kubernetes, is not on the PATH.' '' \
  'install Go 1.26 or newer (the package golang-go, or https://go.dev/dl), then run the same command again'

mkdir -p "$cache"
exec 9>"$cache/build.lock"
if ! flock -n 9; then
  say 'another run builds Kubernetes: waiting for it'
  flock 9
fi
if [[ -d $home ]]; then # by that other run
  echo "$home"
  exit
fi

version=$(sed -n 's|^\tk8s.io/kubernetes ||p' "$here/go.mod")
say "building Kubernetes $version (about a quarter of an hour the first time)"
started=$SECONDS
rm -rf "$home".* # what an interrupted run left
scratch=$(mktemp -d "$home.XXXXXX")
(while sleep 60; do say "still building Kubernetes after $((SECONDS - started)) s"; done) &
ticker=$!
trap 'kill "$ticker" 2>/dev/null || true; rm -rf "$scratch"' EXIT

# What `kubectl version` and a node's description show; published builds set it in the same way.
flags='-s -w -buildid='
IFS=. read -r major minor _ <<<"${version#v}"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  flags+=" -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor"
  flags+=" -X $package.gitTreeState=clean -X $package.gitCommit=unknown -X $package.buildDate=1970-01-01T00:00:00Z"
done
export CGO_ENABLED=0 GOFLAGS='' GOWORK=off
if ! printed=$(cd "$here" && {
  go build -mod=readonly -trimpath -buildvcs=false -tags providerless -ldflags "$flags" -o "$scratch/kubernetes" . &&
    go build -mod=readonly -trimpath -buildvcs=false -ldflags '-s -w -buildid=' -o "$scratch/pause" ./pause
} 2>&1); then
  fail 'Kubernetes could not be built.' "$printed" \
    'see that Go is 1.26 or newer and that its module proxy answers (go env GOPROXY), then run the same command again'
fi
for part in "${parts[@]}"; do
  ln -s kubernetes "$scratch/$part"
done

# The image of every pod's first container, as an archive that containerd imports.
(
  cd "$scratch"
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf layer.tar pause
  printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["/pause"],"User":"65535:65535"},
    "rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$(go env GOARCH)" "$(sha256sum layer.tar | cut -d' ' -f1)" \
    >config.json
  echo '[{"Config":"config.json","RepoTags":["localhost/pause:1"],"Layers":["layer.tar"]}]' >manifest.json
  tar -cf pause.tar manifest.json config.json layer.tar
  rm pause layer.tar config.json manifest.json
)
chmod 755 "$scratch"
mv -T "$scratch" "$home"
say "built in $((SECONDS - started)) s"
echo "$home"
