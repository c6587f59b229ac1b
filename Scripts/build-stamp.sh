#!/bin/sh
# build-stamp.sh ROOT FILE: writes the commit and the time into FILE, as Swift. Changes nothing in ROOT.
# MEDISPATCHER_GIT_HASH names the commit where there is no repository, as in an image that is built from a copy of the
# sources; in an archive that git made, Scripts/commit.txt has it.
set -eu

# The commit of ROOT itself: an archive may have been unpacked in somebody else's repository. In a container the files
# may belong to another user, which git takes for an attack; nothing is run from there. Git writes no index.
commit() {
  git() { GIT_OPTIONAL_LOCKS=0 command git -c 'safe.directory=*' -C "$root" "$@" 2>/dev/null; }
  root=$1
  [ -z "$(git rev-parse --show-prefix || echo none)" ] || return 1
  git describe --always --dirty --abbrev=12 --exclude '*'
}

archived() { sed -n 's/^\([0-9a-f]\{12\}\)[0-9a-f]*$/\1/p' "$1/Scripts/commit.txt" 2>/dev/null; }

hash=${MEDISPATCHER_GIT_HASH:-$(commit "$1" || archived "$1" || true)}
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
