#!/usr/bin/env bash
# install.sh [run]: installs what building, testing and `make run` need, or just what `make run` needs. Does nothing, quickly,
# when all of it is there.
set -euo pipefail

build=(
  ca-certificates curl gcc git libc6-dev libcurl4-openssl-dev libhiredis-dev libmariadb-dev libsqlite3-dev
  libstdc++-12-dev lld make openssl python3 python3-pip python3-venv python3-yaml sqlite3 util-linux zlib1g-dev
)
servers=(beanstalkd etcd-server mariadb-server redis-server)
# What the producers of Examples/producers are written in.
languages=(
  golang-github-gomodule-redigo-dev golang-github-vmihailenco-msgpack.v5-dev golang-go php-cli php-msgpack php-redis
)
[ "${1:-}" != run ] || languages=()

missing_packages() {
  # dpkg-query fails for packages that it has never heard of; they are missing as well.
  comm -23 \
    <(printf '%s\n' "${build[@]}" "${servers[@]}" "${languages[@]}" | sort) \
    <(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${build[@]}" "${servers[@]}" "${languages[@]}" 2>/dev/null |
      awk '$2 == "installed" { print $1 }' | sort -u)
}

need_swift() {
  local found
  found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
  if [ -z "$found" ]; then
    echo "Swift 6.3 or later is needed, and there is no swift in PATH: see https://www.swift.org/install/linux/" >&2
    exit 1
  fi
  if [ "$(printf '6.3\n%s\n' "$found" | sort -V | head -n 1)" != 6.3 ]; then
    echo "Swift 6.3 or later is needed, found $found: see https://www.swift.org/install/linux/" >&2
    exit 1
  fi
}

need_packages() {
  local missing
  if ! command -v dpkg-query >/dev/null; then
    echo "No dpkg here: install the equivalents of these packages by hand, if you haven't:" >&2
    printf '  %s\n' "${build[*]}" "${servers[*]}" "${languages[*]}" >&2
    return
  fi
  mapfile -t missing < <(missing_packages)
  [ "${#missing[@]}" -gt 0 ] || return 0

  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as_root=(sudo)
    else
      echo "Packages are missing. Run this, then again what you ran:" >&2
      echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
      exit 1
    fi
  fi
  echo "Installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  # Noninteractive, because a package may ask and nobody is there to answer.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq -o DPkg::Lock::Timeout=120 --no-install-recommends "${missing[@]}" </dev/null
}

need_packages
need_swift
