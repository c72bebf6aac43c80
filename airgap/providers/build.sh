#!/usr/bin/env bash
# Builds the provider plugins into a Terraform filesystem mirror and prints the mirror's directory: docker and random,
# and with the word kubernetes that one too, which is a program of its own.
#
#   build.sh [kubernetes]                  build unless built, print the mirror's directory; terraform.rc lies beside it
#   build.sh [kubernetes] --print-version  print the version (kubernetes has its own), without building
#   build.sh [kubernetes] --print-rc       print where terraform.rc is (or would be), without building
#
# A version follows from the sources: a changed plugin is another version, so that no lock file ever holds the
# checksum of an older build of the same one. CDKTF_MLOPS_CACHE moves the cache (default ~/.cache/cdktf-mlops).
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
namespace=airgap.local/cdktf-mlops
say() { printf '%s\n' "$*" >&2; }

plugins=(docker random)
if [[ ${1:-} == kubernetes ]]; then
  plugins+=(kubernetes)
  shift
fi

sources() {
  cd "$here"
  find build.sh "$@" -type f \( -name '*.go' ! -name '*_test.go' -o -name go.mod -o -name go.sum -o -name build.sh \
    -o -name structure.json \) ! -path '*behaviour/*' ! -path '*internal/prototest/*' | sort
}
digest() { (sources "$@" | sed "s|^|$here/|" | xargs sha256sum | sed "s|$here/||" | sha256sum | cut -c1-16); }
declare -A versions
common=$(digest main.go go.mod go.sum internal)
versions[docker]=0.1.$((16#${common:0:7}))
versions[random]=${versions[docker]}
version=${versions[docker]}
hash=$common
if [[ ${#plugins[@]} == 3 ]]; then
  own=$(digest kubernetes)
  version=0.1.$((16#${own:0:7}))
  versions[kubernetes]=$version
  hash=$common-$own
fi
home=${CDKTF_MLOPS_CACHE:-${HOME}/.cache/cdktf-mlops}/providers/$hash
[[ $home == /* ]] || home=$PWD/$home
mirror=$home/mirror

case ${1:-} in
  '') ;;
  --print-version) echo "$version"; exit ;;
  --print-rc) echo "$home/terraform.rc"; exit ;;
  *) say "usage: build.sh [kubernetes] [--print-version | --print-rc]"; exit 64 ;;
esac

if [[ -d $mirror ]]; then
  echo "$mirror"
  exit
fi

# Ends with what failed, the first lines of it, and what to do.
fail() {
  say "error: $1"
  [[ -z ${2:-} ]] || head -n 6 <<<"$2" | sed 's/^/  | /' >&2
  say "  remedy: $3."
  exit 1
}

command -v go >/dev/null || fail 'Go, which builds the Terraform provider plugins, is not on the PATH.' '' \
  'install Go 1.25 or newer (the package golang-go, or https://go.dev/dl), then run the same command again'

say "building the Terraform provider plugins ${plugins[*]} (about a minute the first time)"
started=$SECONDS
mkdir -p "$(dirname "$home")"
scratch=$(mktemp -d "$home.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
platform=$(go env GOOS)_$(go env GOARCH)
binary() {
  printf '%s' "$scratch/mirror/$namespace/$1/${versions[$1]}/$platform/terraform-provider-$1_v${versions[$1]}"
}
compile() {
  local printed
  mkdir -p "$(dirname "$(binary "$1")")"
  if ! printed=$(cd "$2" && CGO_ENABLED=0 GOFLAGS='' GOWORK=off go build -mod=readonly -trimpath -buildvcs=false \
    -ldflags "-s -w -buildid= -X main.version=${versions[$1]}" -o "$(binary "$1")" . 2>&1); then
    fail "the Terraform provider plugin $1 could not be built." "$printed" \
      'see that Go is 1.25 or newer and that its module proxy answers (go env GOPROXY), then run the same command again'
  fi
}
for plugin in "${plugins[@]}"; do
  case $plugin in
    docker) compile docker "$here" ;;
    # One build serves both: it looks at the name under which it was started.
    random) mkdir -p "$(dirname "$(binary random)")" && cp "$(binary docker)" "$(binary random)" ;;
    kubernetes) compile kubernetes "$here/kubernetes" ;;
  esac
done
cat >"$scratch/terraform.rc" <<RC
disable_checkpoint = true

provider_installation {
  filesystem_mirror {
    path    = "$mirror"
    include = ["airgap.local/*/*"]
  }
  direct {
    exclude = ["airgap.local/*/*"]
  }
}
RC
chmod 755 "$scratch"
# Whoever is first wins; a second build of the same sources has the same bytes.
mv -T "$scratch" "$home" 2>/dev/null || [[ -d $mirror ]]
say "built in $((SECONDS - started)) s"
echo "$mirror"
