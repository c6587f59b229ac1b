#!/bin/sh
# build-stamp.sh ROOT FILE: writes the commit and the time into FILE, as Swift.
# MEDISPATCHER_GIT_HASH names the commit where there is no repository, as in an image that is built from an archive.
set -eu
hash=${MEDISPATCHER_GIT_HASH:-$(git -C "$1" describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || true)}
case $hash in
'' | *[!0-9A-Za-z.-]*) literal=nil ;;
*) literal="\"$hash\"" ;;
esac
cat >"$2" <<EOF
enum BuildStamp {
  static let gitHash: String? = $literal
  static let built = "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
}
EOF
