import { IConstruct } from 'constructs';
import { checkKeys } from '../../core/errors';
import { checkWhole } from '../../core/quantity';
import { METRICS_PORT, drainSeconds } from './gateway-config';
import { renderReleaseConfig } from './release-config';
import { checkPath } from './syntax';

/** Name of the file in the live directory that holds the release. Publish it by renaming, never by writing into it. */
export const RELEASE_FILE = 'models.cfg';
/** Where the gateway's entrypoint finds what it needs. */
export interface GatewayEntrypointOptions {
  /** File with the rendered base configuration. @default /etc/gateway/haproxy.cfg */
  readonly baseFile?: string;
  /** Directory in which releases are published; readable and writable for the gateway's user. @default /live */
  readonly liveDirectory?: string;
  /** Directory for working copies, writable for the gateway's user. @default /tmp/gateway */
  readonly workDirectory?: string;
  /** Seconds that requests get to end when the container is stopped. Give the container a little more. @default 20 */
  readonly stopSeconds?: number;
  /** Seconds that a model server may take to answer, as in the base configuration. @default 60 */
  readonly timeoutSeconds?: number;
}

/** Seconds after which a release is confirmed even though an older worker is still answering a slow request. */
const LONGEST_CONFIRMATION = 30;

const OPTIONS = [
  'baseFile',
  'liveDirectory',
  'workDirectory',
  'stopSeconds',
  'timeoutSeconds',
] as const satisfies readonly (keyof GatewayEntrypointOptions)[];

/**
 * Renders the script that runs HAProxy, loads each release that is published and says when it serves it.
 *
 * It is POSIX shell for dash and busybox, needs no privilege, and one of wget, curl and python3.
 *
 * @throws ValidationError for an unknown option, a path or a number that can't be used
 */
export function renderGatewayEntrypoint(
  options: GatewayEntrypointOptions = {},
  scope: IConstruct | string = 'gateway',
): string {
  checkKeys(scope, 'options', options, OPTIONS);
  const baseFile = options.baseFile ?? '/etc/gateway/haproxy.cfg';
  const liveDirectory = options.liveDirectory ?? '/live';
  const workDirectory = options.workDirectory ?? '/tmp/gateway';
  for (const [prop, path] of Object.entries({ baseFile, liveDirectory, workDirectory })) checkPath(scope, prop, path);
  const stopSeconds = options.stopSeconds ?? 20;
  checkWhole(scope, 'stopSeconds', stopSeconds, 1, 3600);
  const settings = {
    base: baseFile,
    live: liveDirectory,
    work: workDirectory,
    stop_seconds: stopSeconds,
    drain_seconds: Math.min(drainSeconds(options), LONGEST_CONFIRMATION),
  };
  const parts: Record<string, string> = {
    '%SETTINGS%': Object.entries(settings)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n'),
    '%NO_RELEASE%': renderReleaseConfig({ models: [] }),
  };
  return SCRIPT.replace(/%[A-Z_]+%/g, (placeholder) => parts[placeholder] ?? placeholder);
}

// No braces around variables and no backticks: the text passes through Terraform's templates and a JavaScript literal.
const SCRIPT = String.raw`#!/bin/sh
# Runs HAProxy and keeps it serving the release that is published in the live directory.
#
#   $live/models.cfg          published by the release, by renaming
#   $live/models.cfg.loaded   written here: a copy of what is served, once no worker serves anything older
#   $live/models.cfg.error    written here: why the published file was refused; what was served before still is
#
# Where the live directory is read-only (a ConfigMap), /-/release on the metrics port says what is served.
set -u
%SETTINGS%
status_url=http://127.0.0.1:${METRICS_PORT}/-/release

release=$live/models.cfg
loaded=$live/models.cfg.loaded
refused=$live/models.cfg.error
current=$work/release.cfg
candidate=$work/candidate.cfg
previous=$work/previous.cfg
none=$work/no-release.cfg
seen=$work/seen.cfg
messages=$work/messages

unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
master=
stopping=

say() {
  printf '%s gateway: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >&2
}

if command -v wget >/dev/null 2>&1; then
  fetch() { wget -q -T 2 -O - "$1" 2>/dev/null; }
elif command -v curl >/dev/null 2>&1; then
  fetch() { curl -fsS -m 2 "$1" 2>/dev/null; }
else
  fetch() {
    python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=2).read().decode())' "$1" 2>/dev/null
  }
fi

# Waits without keeping a signal waiting.
pause() {
  sleep "$1" &
  wait $!
}

# A dead child stays visible as a zombie until somebody waits for it.
alive() {
  { read -r _ _ state _ <"/proc/$1/stat"; } 2>/dev/null && [ "$state" != Z ]
}

# The process ids of HAProxy's workers.
workers() {
  for stat in /proc/[0-9]*/stat; do
    { read -r pid _ state parent _ <"$stat"; } 2>/dev/null || continue
    if [ "$parent" = "$master" ] && [ "$state" != Z ]; then printf '%s ' "$pid"; fi
  done
}

valid() {
  haproxy -c -f "$base" -f "$1" >"$messages" 2>&1
}

# The hash in a release's first line: "# release <hash>".
hash_of() {
  { read -r _ _ hash <"$1"; } 2>/dev/null && [ -n "$hash" ] && printf '%s' "$hash"
}

# Puts a file where others look for it, in one step.
publish() {
  cp "$1" "$2.new" && mv "$2.new" "$2"
}

refuse() {
  say "REFUSED $release: $1"
  sed 's/^/  /' "$messages" >&2
  {
    head -n 1 "$candidate"
    printf '%s\n' "$1"
    cat "$messages"
  } >"$work/refused" 2>/dev/null
  if [ -z "$writable" ]; then return; fi
  publish "$work/refused" "$refused" || say "can't write $refused"
}

accept() {
  if [ -z "$writable" ]; then return; fi
  rm -f "$refused"
  publish "$current" "$loaded" || say "can't write $loaded: whoever published the release waits for it in vain"
}

# Waits until a worker that is not among the given ones answers with the current release's hash.
serves() {
  hash=$(hash_of "$current")
  tries=0
  while [ "$tries" -lt 75 ] && [ -z "$stopping" ] && alive "$master"; do
    for worker in $(workers); do
      case " $1 " in
      *" $worker "*) ;;
      *)
        case "$(fetch "$status_url")" in *"\"release\":\"$hash\""*) return 0 ;; esac
        ;;
      esac
    done
    pause 0.2
    tries=$((tries + 1))
  done
  return 1
}

# Waits until the given workers have answered what they had begun.
drained() {
  tries=0
  while [ "$tries" -lt $((drain_seconds * 5)) ] && [ -z "$stopping" ]; do
    remaining=
    for worker in $1; do
      if alive "$worker"; then remaining="$remaining $worker"; fi
    done
    if [ -z "$remaining" ]; then return 0; fi
    pause 0.2
    tries=$((tries + 1))
  done
  return 1
}

# Loads what is published. The copy that was checked is the copy that is loaded.
load() {
  if cmp -s "$candidate" "$current"; then
    accept
    return
  fi
  if ! valid "$candidate"; then
    refuse 'HAProxy does not accept it'
    return
  fi
  if ! hash_of "$candidate" >/dev/null; then
    : >"$messages"
    refuse 'its first line must be "# release <hash>"'
    return
  fi
  old=$(workers)
  mv "$current" "$previous"
  cp "$candidate" "$current"
  kill -USR2 "$master"
  if ! serves "$old"; then
    if [ -n "$stopping" ]; then return; fi
    mv "$previous" "$current"
    kill -USR2 "$master"
    printf '%s\n' 'the new worker did not answer with this release within 15 s; see the log above' >"$messages"
    refuse 'HAProxy could not load it'
    return
  fi
  if ! drained "$old"; then say 'an older worker is still answering; it has not long to go'; fi
  say "serving release $(hash_of "$current")"
  accept
}

# Picks what to serve at the start: what is published, else what was served before, else that nothing is released.
choose() {
  if cp "$release" "$candidate" 2>/dev/null; then
    cp "$candidate" "$seen"
    if valid "$candidate" && hash_of "$candidate" >/dev/null; then
      cp "$candidate" "$current"
      return
    fi
    refuse 'HAProxy does not accept it, or its first line is not "# release <hash>"'
    if cp "$loaded" "$current" 2>/dev/null && valid "$current"; then
      say "serving the release that was loaded before"
      return
    fi
  fi
  say 'no release to serve yet'
  cp "$none" "$current"
}

# HAProxy's image has Docker stop it with USR1, Kubernetes sends TERM.
trap 'stopping=1' TERM INT USR1

mkdir -p "$work" || exit 1
rm -f "$seen" "$candidate"
cat >"$none" <<'NO_RELEASE'
%NO_RELEASE%
NO_RELEASE
writable=
if ( : >"$live/.writable" && rm "$live/.writable" ) 2>/dev/null; then
  writable=1
else
  say "$live is read-only for user $(id -u): whoever publishes a release asks $status_url of each replica"
fi
if ! valid "$none"; then
  say "HAProxy does not accept the gateway's own configuration $base:"
  sed 's/^/  /' "$messages" >&2
  exit 1
fi
choose

haproxy -W -f "$base" -f "$current" &
master=$!
if serves ''; then
  say "serving release $(hash_of "$current")"
  if cmp -s "$current" "$release"; then accept; fi
fi

unreadable=
while [ -z "$stopping" ] && alive "$master"; do
  if [ -e "$release" ] && ! cmp -s "$release" "$seen"; then
    if cp "$release" "$candidate" 2>"$messages"; then
      unreadable=
      cp "$candidate" "$seen"
      if [ -n "$writable" ]; then rm -f "$refused"; fi
      load
    elif [ -z "$unreadable" ]; then
      unreadable=1
      say "can't read $release: $(cat "$messages")"
    fi
  elif [ -n "$writable" ] && [ ! -e "$loaded" ] && cmp -s "$current" "$release"; then
    accept
  fi
  pause 1
done

if [ -z "$stopping" ]; then
  wait "$master"
  say "HAProxy ended by itself with status $?"
  exit 1
fi

say "stopping: no new connections, $stop_seconds s for what has begun"
kill -USR1 "$master"
tries=0
while [ "$tries" -lt $((stop_seconds * 5)) ] && alive "$master"; do
  pause 0.2
  tries=$((tries + 1))
done
if alive "$master"; then
  say 'out of time'
  kill -TERM "$master"
fi
wait "$master"
exit 0
`;

/** The script with every default. */
export const GATEWAY_ENTRYPOINT = renderGatewayEntrypoint();
