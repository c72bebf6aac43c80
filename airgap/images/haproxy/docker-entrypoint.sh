#!/bin/sh
# Runs HAProxy in the foreground as a master with workers, so that SIGUSR2 reloads it without losing a connection.
set -eu

case ${1:-} in
  -*) set -- haproxy "$@" ;;
esac
if [ "$1" = haproxy ]; then
  shift
  set -- haproxy -W -db "$@"
fi
exec "$@"
