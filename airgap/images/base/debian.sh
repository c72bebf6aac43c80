#!/usr/bin/env bash
# Writes a root file system of one Debian suite to standard output, as a tar archive for `docker import`.
# Usage: debian.sh SUITE PACKAGE[,PACKAGE...]
# CDKTF_MLOPS_DEBIAN_MIRROR and CDKTF_MLOPS_DEBIAN_SECURITY_MIRROR name other mirrors than Debian's own.
set -euo pipefail

suite=$1
packages=$2
mirror=${CDKTF_MLOPS_DEBIAN_MIRROR:-http://deb.debian.org/debian}
security=${CDKTF_MLOPS_DEBIAN_SECURITY_MIRROR:-http://deb.debian.org/debian-security}

# The images keep these apt and dpkg options, so the packages of later layers come without manuals too.
mmdebstrap --variant=minbase --include="$packages" \
  --aptopt='Acquire::Languages "none"' \
  --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  "$suite" - - <<SOURCES
deb $mirror $suite main
deb $mirror $suite-updates main
deb $security $suite-security main
SOURCES
