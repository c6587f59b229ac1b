#!/usr/bin/env bash
# House rules that the formatter doesn't know. Prints each offence as file:line and fails if there is any.
set -euo pipefail
# The last command of a pipe runs in this shell, so that it can set `failed`.
shopt -s lastpipe
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=0

# offence TITLE: reads offences, one a line.
offence() {
  local lines
  lines=$(cat)
  [ -n "$lines" ] || return 0
  printf '%s\n' "$1"
  printf '%s\n' "$lines" | sed 's/^/  /'
  failed=1
}

# Files of the repository, new ones included, that the arguments match.
files() { git ls-files -z --cached --others --exclude-standard -- "$@"; }

# search PATTERN FILE…: matches as file:line:text; none is no failure.
search() {
  local pattern=$1
  shift
  files "$@" | xargs -0 -r grep -HnIE -e "$pattern" -- 2>/dev/null || true
}

swift_code=('Sources/*.swift' 'Tests/*.swift' 'Fuzz/*.swift' 'Benchmarks/*.swift' 'Examples/*.swift')

git ls-files -- '.build/*' '*/.build/*' '*.o' 'Package.resolved' '*/Package.resolved' '*.pyc' '*.xctest' |
  offence "Built things are committed:"

search '(^|[^A-Za-z])(TODO|FIXME|XXX|HACK)([^A-Za-z]|$)' "${swift_code[@]}" |
  offence "Open ends: finish them, or leave them out:"

search 'try!|as! |fatalError\(|preconditionFailure\(|@unchecked Sendable|nonisolated\(unsafe\)|@preconcurrency|unsafeBitCast' \
  'Sources/*.swift' 'Tests/*.swift' | grep -v '// why:' |
  offence "Needs '// why: …' on the same line:" || true

search '(^|[^A-Za-z0-9_.])(print|debugPrint|dump)\(' 'Sources/*.swift' | grep -vE '^Sources/(medctl|amender|medispatcher)/' |
  offence "A library prints; log through swift-log:" || true

search 'spawnIsolated ?\{ \[' 'Sources/*.swift' 'Tests/*.swift' | offence "A capture list makes a spawned closure leave its loop:"

search '^import Foundation' 'Sources/MEDCore/*' 'Sources/MEDLoop/*' 'Sources/MEDBeanstalk/*' 'Sources/MEDCurl/*' \
  'Sources/MEDPush/*' |
  offence "Foundation on the hot path:"

search '(^|[^A-Za-z.])(usleep|nanosleep|sleep)\(|(Thread|Task)\.sleep' 'Tests/*.swift' | grep -v '// why:' |
  offence "A test sleeps; poll for the condition with a deadline (eventually):" || true

search '(^|[^A-Za-z0-9_./-])/(root|home/[a-z]+|work|Users/[A-Za-z]+|tmp/wt)/' '*' ':!Scripts/check-repository.sh' |
  offence "A path of somebody's machine:"

exit "$failed"
