#!/bin/sh
# Runs `mlops-train` and `mlops-serve`, under whichever of these names it is called or with the name as first argument;
# any other command is run as it stands. `exec` makes Python process 1, which is how it gets the signals.
set -eu

name=$(basename "$0")
case "$name" in
  mlops-train | mlops-serve) ;;
  *)
    name=${1:-}
    [ "$#" -eq 0 ] || shift
    ;;
esac

# The root file system may be read-only, and libraries look for a home that they can write to.
export HOME="${TMPDIR:-/tmp}" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
export PYTHONPATH="${MLOPS_HOME:-/opt/mlops}${PYTHONPATH:+:$PYTHONPATH}"
# The settings of MLflow that every command here wants.
export MLFLOW_DISABLE_TELEMETRY="${MLFLOW_DISABLE_TELEMETRY:-true}"
# One process serves or trains: more threads than its share of the processors only fight over it.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

case "$name" in
  mlops-train) exec python3 -m mlops.train "$@" ;;
  mlops-serve) exec python3 -m mlops.serve "$@" ;;
  '')
    echo "usage: mlops-train|mlops-serve [argument...], or any command with its arguments" >&2
    exit 2
    ;;
  *) exec "$name" "$@" ;;
esac
