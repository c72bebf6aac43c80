#!/usr/bin/env bash
# Builds the provider plugins (docker, random) into a Terraform filesystem mirror and prints the mirror's directory.
#
#   build.sh                  build unless built, print the mirror's directory; terraform.rc lies beside it
#   build.sh --print-version  print the plugins' version, without building
#   build.sh --print-rc       print where terraform.rc is (or would be), without building
#
# The version follows from the sources: a changed plugin is another version, so that no lock file ever holds the
# checksum of an older build of the same one. CDKTF_MLOPS_CACHE moves the cache (default ~/.cache/cdktf-mlops).
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
namespace=airgap.local/cdktf-mlops
say() { printf '%s\n' "$*" >&2; }

sources() {
  cd "$here"
  find . -type f \( -name '*.go' ! -name '*_test.go' -o -name go.mod -o -name go.sum -o -name build.sh \) \
    ! -path './behaviour/*' ! -path './internal/prototest/*' | sort
}

hash=$(cd "$here" && sources | xargs sha256sum | sha256sum | cut -c1-16)
version=0.1.$((16#${hash:0:7}))
home=${CDKTF_MLOPS_CACHE:-${HOME}/.cache/cdktf-mlops}/providers/$hash
[[ $home == /* ]] || home=$PWD/$home
mirror=$home/mirror

case ${1:-} in
  '') ;;
  --print-version) echo "$version"; exit ;;
  --print-rc) echo "$home/terraform.rc"; exit ;;
  *) say "usage: build.sh [--print-version | --print-rc]"; exit 64 ;;
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

say "building the Terraform provider plugins $version (about a minute the first time)"
started=$SECONDS
mkdir -p "$(dirname "$home")"
scratch=$(mktemp -d "$home.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
platform=$(go env GOOS)_$(go env GOARCH)
docker=$scratch/mirror/$namespace/docker/$version/$platform
random=$scratch/mirror/$namespace/random/$version/$platform
mkdir -p "$docker" "$random"
if ! printed=$(cd "$here" && CGO_ENABLED=0 GOFLAGS='' GOWORK=off go build -mod=readonly -trimpath -buildvcs=false \
  -ldflags "-s -w -buildid= -X main.version=$version" -o "$docker/terraform-provider-docker_v$version" . 2>&1); then
  fail 'the Terraform provider plugins could not be built.' "$printed" \
    'see that Go is 1.25 or newer and that its module proxy answers (go env GOPROXY), then run the same command again'
fi
# One build serves both: it looks at the name under which it was started.
cp "$docker/terraform-provider-docker_v$version" "$random/terraform-provider-random_v$version"
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
