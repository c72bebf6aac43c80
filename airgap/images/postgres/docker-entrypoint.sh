#!/usr/bin/env bash
# Starts PostgreSQL; on an empty data directory, creates the cluster, the user and the database first.
# Understands POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD, POSTGRES_INITDB_ARGS (each also as NAME_FILE),
# POSTGRES_HOST_AUTH_METHOD, PGDATA, and the scripts in /docker-entrypoint-initdb.d.
set -euo pipefail

fail() {
  echo "docker-entrypoint.sh: $*" >&2
  exit 1
}

# Sets a variable from the file that NAME_FILE names, if it names one; a default is the second argument.
from_file() {
  local name=$1 file_name="$1_FILE" value=${2:-}
  if [[ -n ${!name:-} && -n ${!file_name:-} ]]; then
    fail "$name and $file_name are both set: set one of them"
  elif [[ -n ${!name:-} ]]; then
    value=${!name}
  elif [[ -n ${!file_name:-} ]]; then
    [[ -r ${!file_name} ]] || fail "$file_name names ${!file_name}, which user $(id -u) cannot read"
    value=$(<"${!file_name}")
  fi
  printf -v "$name" %s "$value"
  unset "$file_name"
}

# The server listens on its socket only while the first scripts run, so that nobody reaches half a database.
initialise() {
  from_file POSTGRES_PASSWORD
  from_file POSTGRES_USER postgres
  from_file POSTGRES_DB "$POSTGRES_USER"
  from_file POSTGRES_INITDB_ARGS
  local method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  if [[ -z $POSTGRES_PASSWORD && $method != trust ]]; then
    fail 'the database is not initialised and has no superuser password: set POSTGRES_PASSWORD_FILE'
  fi
  local arguments=()
  [[ -z $POSTGRES_INITDB_ARGS ]] || read -ra arguments <<< "$POSTGRES_INITDB_ARGS"
  # initdb refuses an empty password file, so without a password there is none.
  initdb --username="$POSTGRES_USER" ${POSTGRES_PASSWORD:+--pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")} \
    "${arguments[@]}"
  printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"

  pg_ctl -D "$PGDATA" -w -o "-c listen_addresses='' -p 5432" start
  export PGUSER=$POSTGRES_USER PGPASSWORD=$POSTGRES_PASSWORD PGHOST='' PGDATABASE=$POSTGRES_DB
  if [[ $POSTGRES_DB != postgres ]]; then
    psql --no-psqlrc -v ON_ERROR_STOP=1 -v name="$POSTGRES_DB" -d postgres <<< 'CREATE DATABASE :"name";'
  fi
  local script
  for script in /docker-entrypoint-initdb.d/*; do
    case $script in
      *.sh) echo "running $script"; bash "$script" ;;
      *.sql) echo "running $script"; psql --no-psqlrc -v ON_ERROR_STOP=1 -f "$script" ;;
      *.sql.gz) echo "running $script"; gunzip -c "$script" | psql --no-psqlrc -v ON_ERROR_STOP=1 ;;
    esac
  done
  unset PGUSER PGPASSWORD PGHOST PGDATABASE
  pg_ctl -D "$PGDATA" -m fast -w stop
  echo 'PostgreSQL init process complete; ready for start up.'
}

[[ ${1:-} != -* ]] || set -- postgres "$@"

if [[ $1 == postgres ]]; then
  if [[ $(id -u) == 0 ]]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chmod 700 "$PGDATA"
    find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
    find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
  fi
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA" 2> /dev/null || true
  [[ -s $PGDATA/PG_VERSION ]] || initialise
  unset POSTGRES_PASSWORD
fi
exec "$@"
