#!/usr/bin/env bash
# Builds the images of everything that the library runs from package registries alone: Debian, PyPI and Go modules.
#
#   build.sh [KEY...]        build what is missing (everything, or the images of these catalog keys)
#   build.sh --print-context print {catalog key: image reference} as JSON, without building anything
#   build.sh --check         exit 0 when every image is there; else name what is missing and exit 1
#
# An image's tag carries a hash of all its inputs, so an image that exists is the right one, and an interrupted or
# failed run goes on where it stopped. Downloads and binaries are kept in $CDKTF_MLOPS_CACHE (~/.cache/cdktf-mlops).
set -euo pipefail
export LC_ALL=C
umask 022 # what is copied into an image is to be readable by the image's user

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${CDKTF_MLOPS_CACHE:-$HOME/.cache/cdktf-mlops}
repository=cdktf-mlops.airgap
at_once=2
export DOCKER_BUILDKIT=0 # the plain builder is part of every Engine; BuildKit's client often is not

# --- What there is to make -------------------------------------------------------------------------------------------

keys=(busybox postgres backup s3 haproxy prometheus alertmanager node-exporter pushgateway blackbox-exporter
  postgres-exporter cadvisor kube-state-metrics registry mlflow model-runtime jenkins grafana)
declare -A version=([busybox]=1.37 [postgres]=17 [backup]=17 [s3]=1.8.0 [haproxy]=3.0 [prometheus]=2.53
  [alertmanager]=0.28 [node-exporter]=1.9 [pushgateway]=1.11 [blackbox-exporter]=0.26 [postgres-exporter]=0.17
  [cadvisor]=0.53 [kube-state-metrics]=2.18 [registry]=2.8 [mlflow]=3.17.2 [model-runtime]=3.17.2
  [jenkins]=stand-in [grafana]=stand-in)

# Steps in the order in which they are started, at most $at_once together: what others wait for comes first, and a step
# that waits for the network stands next to one that computes.
steps=(base-debian base-python wheels busybox versitygw-binary postgres model-runtime monitoring mlflow
  cadvisor-binary stand-in-binary haproxy registry s3 cadvisor jenkins grafana backup
  kube-state-metrics-binary kube-state-metrics)
declare -A needs=([busybox]=base-debian [postgres]=base-debian [haproxy]=base-debian [registry]=base-debian
  [monitoring]=base-debian [s3]='busybox versitygw-binary' [cadvisor]='busybox cadvisor-binary'
  [jenkins]='busybox stand-in-binary' [grafana]='busybox stand-in-binary'
  [backup]=postgres [kube-state-metrics]='busybox kube-state-metrics-binary'
  [mlflow]='base-python wheels' [model-runtime]='base-python wheels')
family='prometheus alertmanager node-exporter pushgateway blackbox-exporter postgres-exporter'
versitygw=github.com/versity/versitygw/cmd/versitygw@v1.8.0

# The step that makes the image of a key.
step_of() {
  case " $family " in *" $1 "*) echo monitoring ;; *) echo "$1" ;; esac
}

# Lists the files of a folder that go into an image, relative to it.
files() {
  (cd "$1" && find . -type f -not -path '*/__pycache__/*' -not -name '*.pyc' -not -name README.md | sort)
}

# Prints twelve digits that stand for the arguments and for the files of the folders among them.
hash_of() {
  local argument
  for argument in "$@"; do
    if [[ -d $argument ]]; then
      files "$argument" | (cd "$argument" && xargs -r -d '\n' sha256sum && find . -type f -perm -u+x | sort)
    elif [[ -f $argument ]]; then
      sha256sum < "$argument"
    else
      echo "$argument"
    fi
  done | sha256sum | cut -c1-12
}

declare -A hash
compute_hashes() {
  local key
  hash[base-debian]=$(hash_of "$here/base" trixie)
  hash[base-python]=$(hash_of "$here/base" bookworm)
  hash[wheels]=$(hash_of "$root/images/mlflow/requirements.txt" "$root/images/model-runtime/requirements.txt")
  hash[versitygw-binary]=$(hash_of "$versitygw")
  hash[kube-state-metrics-binary]=$(hash_of "$here/kube-state-metrics")
  hash[cadvisor-binary]=$(hash_of "$here/cadvisor")
  hash[stand-in-binary]=$(hash_of "$here/stand-in")
  for key in busybox postgres haproxy registry monitoring; do
    hash[$key]=$(hash_of "$here/$key" "${hash[base-debian]}")
  done
  hash[backup]=$(hash_of "$root/images/backup" "${hash[postgres]}")
  hash[s3]=$(hash_of "$here/s3" "${hash[busybox]}" "${hash[versitygw-binary]}")
  hash[cadvisor]=$(hash_of "$here/cadvisor" "${hash[busybox]}")
  hash[kube-state-metrics]=$(hash_of "$here/kube-state-metrics" "${hash[busybox]}")
  hash[jenkins]=$(hash_of "$here/stand-in" "${hash[busybox]}" jenkins)
  hash[grafana]=$(hash_of "$here/stand-in" "${hash[busybox]}" grafana)
  for key in mlflow model-runtime; do
    hash[$key]=$(hash_of "$root/images/$key" "${hash[base-python]}")
  done
}

reference() {
  echo "$repository/$1:${version[$1]}-${hash[$(step_of "$1")]}"
}

base_reference() {
  echo "$repository/$1:${hash[$1]}"
}

image_exists() {
  docker image inspect "$1" > /dev/null 2>&1
}

# Whether what a step makes is there already.
is_made() {
  local key
  case $1 in
    base-*) image_exists "$(base_reference "$1")" ;;
    wheels) [[ -d $cache/wheels/${hash[wheels]} ]] ;;
    *-binary) [[ -d $cache/bin/$1-${hash[$1]} ]] ;;
    monitoring) for key in $family; do image_exists "$(reference "$key")" || return 1; done ;;
    *) image_exists "$(reference "$1")" ;;
  esac
}

# --- How each thing is made; what these print goes to the step's log --------------------------------------------------

# Moves a finished folder to its place in one step, so that an interrupted run leaves nothing half there.
publish() {
  mkdir -p "$(dirname "$2")"
  rm -rf "$2"
  mv -T "$1" "$2"
}

make_base() {
  local name=$1 suite=$2 packages=$3 archive
  archive=$cache/base/$suite-${hash[$name]}.tar
  if [[ ! -f $archive ]]; then
    mkdir -p "$cache/base"
    "$here/base/debian.sh" "$suite" "$packages" > "$archive.part"
    mv "$archive.part" "$archive"
  fi
  docker import --change 'ENV LANG=C.UTF-8' --change 'CMD ["bash"]' "$archive" "$(base_reference "$name")"
}

make_wheels() {
  local target=$cache/wheels/${hash[wheels]} part=$cache/wheels/part lock platforms=() minor
  for ((minor = 36; minor >= 5; minor--)); do # the base image has glibc 2.36
    platforms+=(--platform "manylinux_2_${minor}_$(uname -m)")
  done
  platforms+=(--platform "manylinux2014_$(uname -m)" --platform "manylinux2010_$(uname -m)")
  mkdir -p "$part/wheels"
  for lock in "$root"/images/{model-runtime,mlflow}/requirements.txt; do
    # The host's Python may be another one: what is asked for are the wheels of the image's.
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
      --implementation cp --python-version 3.11 --abi cp311 --abi abi3 --abi none "${platforms[@]}" \
      --dest "$part/wheels" --requirement "$lock"
  done
  publish "$part" "$target"
}

# Compiles a static program into the cache: from a module path with a version, or from a folder here. A folder that
# requires another module's program has its checksums in go.sum, and needs no more of a mirror than that version.
make_binary() {
  local step=$1 source=$2 part=$cache/bin/$1.part
  rm -rf "$part"
  mkdir -p "$part"
  export CGO_ENABLED=0 GOFLAGS='-trimpath -buildvcs=false'
  if [[ $source == *@* ]]; then
    GOBIN=$part go install -ldflags='-s -w' "$source"
    # The module's own entrypoint belongs to its image.
    local module=${source%@*}
    module=$(go env GOMODCACHE)/${module%/cmd/*}@${source#*@}
    install -m 0755 "$module/docker-entrypoint.sh" "$part/docker-entrypoint.sh"
  elif [[ -e $source/main.go ]]; then
    (cd "$source" && go build -ldflags='-s -w' -o "$part/" .)
  else # the program is another module's, and go.mod names it as a tool
    (cd "$source" && go build -ldflags='-s -w' -o "$part/" tool)
  fi
  publish "$part" "$cache/bin/$step-${hash[$step]}"
}

# Builds a folder's Dockerfile with what else it copies: build TAG FOLDER BASE [EXTRA FOLDER] [-- docker's options]
build() {
  local tag=$1 folder=$2 base=$3 extra='' context
  shift 3
  if [[ $# -gt 0 && $1 != -- ]]; then
    extra=$1
    shift
  fi
  [[ $# -eq 0 ]] || shift
  context=$(mktemp -d "$cache/context.XXXXXX")
  # shellcheck disable=SC2064 # the folder of now is meant
  trap "rm -rf '$context'" EXIT
  files "$folder" | (cd "$folder" && xargs -r -d '\n' cp --parents -p -t "$context")
  chmod -R a+rX "$context"
  # What was copied has to be what the tag stands for: an edit during a build must not hide in an older tag.
  (compute_hashes && [[ $tag == *-"${hash[$step]}" ]]) || {
    echo "the sources of $step have changed since this run began: run it again"
    exit 1
  }
  [[ -z $extra ]] || cp -rl "$extra/." "$context/" 2> /dev/null || cp -r "$extra/." "$context/"
  docker build --quiet=false --build-arg "BASE=$base" --label "cdktf-mlops.airgap=true" --tag "$tag" "$@" "$context"
  rm -rf "$context"
}

make() {
  local step=$1 debian python small key
  debian=$(base_reference base-debian)
  python=$(base_reference base-python)
  small=$(reference busybox)
  case $step in
    base-debian) make_base base-debian trixie ca-certificates,wget ;;
    base-python) make_base base-python bookworm ca-certificates,git,python3,python3-venv,wget ;;
    wheels) make_wheels ;;
    versitygw-binary) make_binary "$step" "$versitygw" ;;
    *-binary) make_binary "$step" "$here/${step%-binary}" ;;
    monitoring)
      for key in $family; do
        build "$(reference "$key")" "$here/monitoring" "$debian" -- --target "$key"
      done
      ;;
    busybox | postgres | haproxy | registry) build "$(reference "$step")" "$here/$step" "$debian" ;;
    backup) build "$(reference backup)" "$root/images/backup" "$(reference postgres)" ;;
    s3) build "$(reference s3)" "$here/s3" "$small" "$(binary versitygw)" ;;
    cadvisor) build "$(reference cadvisor)" "$here/cadvisor" "$small" "$(binary cadvisor)" ;;
    kube-state-metrics)
      build "$(reference "$step")" "$here/$step" "$small" "$(binary "$step")"
      ;;
    jenkins) make_stand_in jenkins Jenkins 8080 1000 /var/jenkins_home ;;
    grafana) make_stand_in grafana Grafana 3000 472 /var/lib/grafana ;;
    mlflow | model-runtime)
      build "$(reference "$step")" "$root/images/$step" "$python" "$cache/wheels/${hash[wheels]}"
      ;;
  esac
}

binary() {
  echo "$cache/bin/$1-binary-${hash[$1-binary]}"
}

make_stand_in() {
  build "$(reference "$1")" "$here/stand-in" "$(reference busybox)" "$(binary stand-in)" -- \
    --build-arg "STAND_IN_FOR=$2" --build-arg "STAND_IN_PORT=$3" --build-arg "STAND_IN_UID=$4" \
    --build-arg "STAND_IN_HOME=$5"
}

# --- Running the steps ------------------------------------------------------------------------------------------------

say() {
  printf '[images %4ds] %s\n' "$SECONDS" "$*" >&2
}

# Ends with what is wrong before anything was started, and what to do.
die() {
  printf 'error: %s\n  remedy: %s.\n' "$1" "$2" >&2
  exit 1
}

# Ends with one message: what failed, its last lines, the whole log, what to do.
fail() {
  local step=$1 log=$2 remedy
  case $step in
    wheels) remedy='see that pip can download from its index (pip config list), then run this again' ;;
    *-binary) remedy='see that Go modules can be downloaded (go env GOPROXY), then run this again' ;;
    base-*) remedy="see that Debian's mirror answers (or name yours: CDKTF_MLOPS_DEBIAN_MIRROR), then run this again" ;;
    *) remedy='mend what the log names, then run this again' ;;
  esac
  if grep -q 'No space left on device' "$log"; then
    remedy='free some disk space (docker system df tells what images take), then run this again'
  fi
  {
    printf '\nerror: the image step "%s" failed. Its last lines:\n' "$step"
    tail -n 15 "$log" | sed 's/^/  | /'
    printf '  log:    %s\n  remedy: %s; it goes on where it stopped.\n' "$log" "$remedy"
  } >&2
  exit 1
}

stop_running() {
  local pid
  exec 8>&2 2> /dev/null # the shell would tell of each step that it ends
  for pid in $(jobs -p); do
    kill -- "-$pid" 2> /dev/null || true
  done
  wait
  exec 2>&8 8>&-
}

declare -A state=() started=() pid_of=() told=()

# Marks a step, and what it needs, as wanted when it is not made yet.
want() {
  local step=$1 need
  [[ -z ${state[$step]:-} ]] || return 0
  if is_made "$step"; then
    state[$step]=made
    return 0
  fi
  state[$step]=wanted
  for need in ${needs[$step]:-}; do
    want "$need"
  done
}

ready() {
  local need
  for need in ${needs[$1]:-}; do
    [[ ${state[$need]} == made ]] || return 1
  done
}

start() {
  local step=$1
  say "$step: started"
  state[$step]=running
  started[$step]=$SECONDS
  told[$step]=$SECONDS
  (
    set -euo pipefail
    make "$step"
  ) > "$cache/logs/$step.log" 2>&1 < /dev/null &
  pid_of[$step]=$!
}

# Looks at a running step: done, failed, or worth a word because it has been silent for half a minute.
look_at() {
  local step=$1
  if kill -0 "${pid_of[$step]}" 2> /dev/null; then
    if ((SECONDS - told[$step] >= 30)); then
      told[$step]=$SECONDS
      say "$step: still at it after $((SECONDS - started[$step])) s (log: $cache/logs/$step.log)"
    fi
  elif wait "${pid_of[$step]}"; then
    state[$step]=made
    say "$step: done in $((SECONDS - started[$step])) s"
  else
    stop_running
    fail "$step" "$cache/logs/$step.log"
  fi
}

run_steps() {
  local step running left
  set -m # every step is a process group of its own, which can be stopped as a whole
  trap 'stop_running; exit 130' INT TERM
  while :; do
    running=0 left=0
    for step in "${steps[@]}"; do
      [[ ${state[$step]:-} != running ]] || look_at "$step"
      [[ ${state[$step]:-} != running ]] || running=$((running + 1))
    done
    for step in "${steps[@]}"; do
      [[ ${state[$step]:-} == wanted ]] || continue
      left=$((left + 1))
      if ((running < at_once)) && ready "$step"; then
        start "$step"
        running=$((running + 1))
      fi
    done
    ((running + left > 0)) || break
    sleep 0.3
  done
}

# Installs what the building itself needs, where that may be done; else says what is missing.
ensure_tools() {
  local missing=()
  command -v mmdebstrap > /dev/null || missing+=(mmdebstrap)
  python3 -m pip --version > /dev/null 2>&1 || missing+=(python3-pip)
  [[ -e /usr/share/keyrings/debian-archive-trixie-stable.gpg ]] || missing+=(debian-archive-keyring)
  if ((${#missing[@]})); then
    if [[ $(id -u) == 0 ]] && command -v apt-get > /dev/null; then
      say "installing ${missing[*]}"
      { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        "${missing[@]}"; } > "$cache/logs/tools.log" 2>&1 < /dev/null || fail tools "$cache/logs/tools.log"
    else
      die "the images are built with ${missing[*]}, not installed here" "run 'apt-get install ${missing[*]}' as root"
    fi
  fi
  command -v go > /dev/null || PATH=$PATH:/usr/local/go/bin
  command -v go > /dev/null || die 'the images are built with Go, not found here' 'put Go 1.26 or newer on the PATH'
}

build_images() {
  local key
  docker version > /dev/null 2>&1 || die 'the Docker Engine does not answer' 'start it, then run this again'
  mkdir -p "$cache/logs"
  exec 9> "$cache/images.lock"
  if ! flock -n 9; then
    say 'another run builds images: waiting for it'
    flock 9
  fi
  rm -rf "$cache"/context.*
  for key in "$@"; do
    want "$(step_of "$key")"
  done
  if [[ " ${state[*]} " == *' wanted '* ]]; then
    ensure_tools
    run_steps
    say "all $# images are there"
  else
    say "all $# images are there already"
  fi
}

# Prints {key: reference}, one per line, in the order of the keys.
print_context() {
  local key separator='{'
  for key in "${keys[@]}"; do
    printf '%s\n  "%s": "%s"' "$separator" "$key" "$(reference "$key")"
    separator=','
  done
  printf '\n}\n'
}

check() {
  local key missing=()
  for key in "${keys[@]}"; do
    image_exists "$(reference "$key")" || missing+=("$(reference "$key")")
  done
  if ((${#missing[@]})); then
    printf 'missing: %s\n' "${missing[@]}" >&2
    exit 1
  fi
}

main() {
  local key
  for key in "$@"; do
    [[ $key == --* || -n ${version[$key]:-} ]] || die "no image has the key '$key'" "use one of ${keys[*]}"
  done
  compute_hashes
  case ${1:-} in
    --print-context) print_context ;;
    --check) check ;;
    --*) die "unknown option $1" 'use --print-context, --check or keys of images' ;;
    '') build_images "${keys[@]}" ;;
    *) build_images "$@" ;;
  esac
}

main "$@"
