#!/usr/bin/env bash
# Builds the documentation of each library product into .build/docs/<product>.doccarchive, and checks it: a warning of
# DocC fails, and so does a public symbol without a doc comment; they are listed.
#
#   Scripts/docs.sh [PRODUCT…]
#
# Symbols are read from the modules that `swift build` has made. A plugin would do the same, but every package that
# depends on this one would have to fetch it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=.build/docs
read -ra products <<<"${*:-$(sed -n 's/.*\.library(name: "\([A-Za-z]*\)".*/\1/p' Package.swift | tr '\n' ' ')}"

for product in "${products[@]}"; do swift build --quiet --target "$product"; done
build=$(swift build --show-bin-path)
triple=$(swiftc -print-target-info | sed -n 's/^ *"triple": "\(.*\)",/\1/p' | head -n 1)
maps=()
for map in Sources/*/module.modulemap; do maps+=(-Xcc "-fmodule-map-file=$map"); done
for map in .build/checkouts/*/Sources/*/{,include/}module.modulemap; do
  [ ! -f "$map" ] || maps+=(-Xcc "-fmodule-map-file=$map")
done
# Those that are made for C targets without one.
for map in "$build"/*.build/module.modulemap; do
  [ ! -f "$map" ] || maps+=(-Xcc "-fmodule-map-file=$map")
done

failed=0
for product in "${products[@]}"; do
  graphs=$out/graphs/$product
  rm -rf "$graphs" "$out/$product.doccarchive"
  mkdir -p "$graphs"
  swift symbolgraph-extract -module-name "$product" -minimum-access-level public -target "$triple" \
    -I "$build/Modules" "${maps[@]}" -output-dir "$graphs"
  python3 Scripts/undocumented.py "$graphs"/*.symbols.json || failed=1
  docc convert "Sources/$product/$product.docc" --additional-symbol-graph-dir "$graphs" \
    --fallback-display-name "$product" --fallback-bundle-identifier "medispatcher.$product" \
    --output-dir "$out/$product.doccarchive" --warnings-as-errors || failed=1
done
exit "$failed"
