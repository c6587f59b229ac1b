#!/bin/sh
# Builds the fuzz targets and runs each for a number of seconds. Fails on a finding.
#
#   Fuzz/run.sh SECONDS [TARGET…]
#
# Seeds are kept in Corpora/<target>/; what is found on the way goes to .build/corpora/, findings to .build/findings/.
set -eu
cd "$(dirname "$0")"

seconds=${1:?usage: run.sh SECONDS [TARGET…]}
shift
[ $# -gt 0 ] || set -- $(ls Corpora)

# A crash hangs otherwise.
export SWIFT_BACKTRACE=enable=no

# The flags stand here and not in Package.swift, so that the code under test is instrumented too. The address sanitizer
# is there for the codec's unchecked writes.
build() {
  swift build -c release --build-path .build "$@" \
    -Xswiftc -sanitize=fuzzer,address -Xswiftc -use-ld=lld
}

# SwiftPM doesn't see files that are new in the package above until this one's manifest changes.
touch Package.swift

failed=0
for target in "$@"; do
  build --product "$target"
  mkdir -p ".build/corpora/$target" ".build/findings/$target"
  echo "== $target, $seconds s"
  ".build/release/$target" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix=".build/findings/$target/" -print_final_stats=1 \
    ".build/corpora/$target" "Corpora/$target" || failed=1
done
exit $failed
