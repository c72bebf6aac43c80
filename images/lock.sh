#!/usr/bin/env bash
# Pins every Python package of the images, with hashes, for Python 3.11 on Linux. The server's versions follow those of
# the runtime, so that what both hold is the same. Run it after a change to a requirements.in, and commit what it writes.
# Without arguments it keeps the pins that still fit; --upgrade looks for newer ones.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'uv>=0.5'

lock() {
  local folder=$1
  shift
  (cd "$here/$folder" && "$work/venv/bin/uv" pip compile --quiet --python-version 3.11 \
    --python-platform x86_64-manylinux_2_28 --only-binary :all: --generate-hashes --no-header --no-annotate \
    --output-file requirements.txt "$@" requirements.in)
}

lock model-runtime "$@"
lock mlflow --constraint ../model-runtime/requirements.txt "$@"
