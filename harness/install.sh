#!/bin/sh
# Installs Debian or Ubuntu packages without starting, or leaving enabled, any service that they bring.
# Usage: install.sh <package>...
# INSTALL_ROOT is put before the paths of the system's own files, for tests.
set -eu

policy="${INSTALL_ROOT-}/usr/sbin/policy-rc.d"
aside="$policy.aside-for-shardline"
mark="# Written by Shardline while it installs packages."

# Debian's maintainer scripts ask policy-rc.d before they start a service; 101 means no.
forbid_starts() {
  if [ -e "$policy" ]; then
    answer=0
    "$policy" rabbitmq-server start >/dev/null 2>&1 || answer=$?
    if [ "$answer" -eq 101 ]; then return; fi
    mv "$policy" "$aside"
  fi
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
  chmod 755 "$policy"
}

restore_policy() {
  if grep -qsxF "$mark" "$policy"; then rm -f "$policy"; fi
  if [ -e "$aside" ]; then mv "$aside" "$policy"; fi
}

install_packages() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get install --yes --quiet --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "$@"
}

# Ubuntu has Chromium under another name.
if grep -qsx 'ID=ubuntu' "${INSTALL_ROOT-}/etc/os-release"; then
  for package in "$@"; do
    shift
    if [ "$package" = chromium ]; then package=chromium-browser; fi
    set -- "$@" "$package"
  done
fi

trap restore_policy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
restore_policy # what a killed run left
forbid_starts

# The package lists may be missing or old: they are fetched only if it does not go without.
install_packages "$@" || {
  apt-get update --quiet
  install_packages "$@"
}

# What did not start now must not start with the machine either.
for package in "$@"; do
  case $package in
    *-server | prometheus) systemctl disable --quiet "$package" >/dev/null 2>&1 || : ;;
  esac
done
