#!/bin/sh
# build-stamp.sh ROOT DIRECTORY: writes DIRECTORY/BuildStamp.swift if the sources or the commit have changed since.
# MEDISPATCHER_GIT_HASH names the commit where there is no repository, as in an image that is built from an archive.
set -eu
root=$1
file=$2/BuildStamp.swift

hash=${MEDISPATCHER_GIT_HASH:-$(git -C "$root" describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || true)}
case $hash in
*[!0-9A-Za-z.-]*) hash= ;;
esac
if [ -n "$hash" ]; then literal="\"$hash\""; else literal=nil; fi

if [ -f "$file" ] && grep -qF "gitHash: String? = $literal" "$file" &&
  [ -z "$(find "$root/Sources" "$root/Package.swift" -newer "$file" -type f -print -quit)" ]; then
  exit 0
fi
mkdir -p "$2"
cat >"$file.new" <<EOF
enum BuildStamp {
  static let gitHash: String? = $literal
  static let built = "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
}
EOF
mv "$file.new" "$file"
