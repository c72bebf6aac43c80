#!/bin/sh
# Serves with the configuration file that is given, or hands a subcommand of `registry` on.
set -eu

case ${1:-} in
  *.yaml | *.yml) set -- registry serve "$@" ;;
  serve | garbage-collect | help | -*) set -- registry "$@" ;;
esac
exec "$@"
