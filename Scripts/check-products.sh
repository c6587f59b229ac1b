#!/usr/bin/env bash
# Builds each library product in a package that depends on nothing else, with the C libraries that it must not need
# hidden, and looks at what the result is linked to.
#
#   Scripts/check-products.sh [PRODUCT…]
#
# Hiding takes root (a mount namespace). Without it the products are built and looked at all the same, and it says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
scratch=$root/.build/check-products

# What a product may link to besides the system's own libraries, and the headers of all C libraries.
declare -A allowed=([MEDLoop]='' [MEDCore]='' [MEDBeanstalk]='' [MEDPush]='libcurl' [MEDSQLite]='libsqlite3' [MEDRPC]=''
  [MEDMySQL]='libmariadb' [MEDRedis]='libhiredis' [MEDProducer]='libhiredis')
declare -A headers=(
  [libcurl]='curl/curl.h' [libsqlite3]='sqlite3.h' [libhiredis]='hiredis/hiredis.h' [libmariadb]='mariadb/mysql.h'
)
declare -A uses=(
  [MEDLoop]='let loop = try EventLoop.start(); loop.stop()'
  [MEDCore]='print(FileDataLog(directory: "log").health)'
  [MEDBeanstalk]='print(try BeanstalkQueue(servers: ["127.0.0.1"]).servers)'
  [MEDPush]='print(CurlPusher().configuration.maxResponseBytes)'
  [MEDRPC]='print(RPCAnswer(failure: "x").bytes.count)'
  [MEDSQLite]='import Logging; let store = SQLiteStore(path: "x.sqlite", logger: Logger(label: "x")); print(store)'
  [MEDProducer]='print(try ProducerConfiguration(servers: "127.0.0.1").servers)'
  [MEDRedis]='print(try RedisClient(RedisConfiguration(addresses: [RedisAddress(host: "x")])).configuration)'
  [MEDMySQL]='import Logging; print(try MySQLStore(MySQLConfiguration(database: "x"), logger: Logger(label: "x")))'
)
system='linux-vdso|libc|libm|libstdc\+\+|libgcc_s|ld-linux[a-z0-9-]*|libpthread|libdl|librt|libutil'
swift_runtime='libswift[A-Za-z_]*|libFoundation[A-Za-z]*|lib_Foundation[A-Za-z]*|libBlocksRuntime|libdispatch|lib_[A-Za-z]+'

products() { sed -n 's/.*\.library(name: "\([A-Za-z]*\)".*/\1/p' Package.swift; }

# hide LIBRARY: puts something empty over each place where its header lies.
hide() {
  local include path
  for include in /usr/include /usr/local/include /usr/include/*-linux-gnu; do
    path=$include/${headers[$1]}
    [ -e "$path" ] || continue
    if [ "${headers[$1]}" = "$(basename "$path")" ]; then
      mount --bind /dev/null "$path"
    else
      mount -t tmpfs -o ro,size=4k none "$(dirname "$path")"
    fi
  done
}

# prepare PRODUCT: a program that uses it, all products of this run in the same scratch place.
prepare() {
  local place=$scratch/$1
  mkdir -p "$place/Sources/uses-$1"
  cat >"$place/Package.swift" <<END
// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "uses-$1", platforms: [.macOS(.v15)],
  dependencies: [.package(name: "medispatcher", path: "$root")],
  targets: [.executableTarget(name: "uses-$1", dependencies: [.product(name: "$1", package: "medispatcher")])])
END
  printf 'import %s\n\n%s\n' "$1" "${uses[$1]}" >"$place/Sources/uses-$1/main.swift"
  # The versions that everything else here is built with.
  [ ! -f "$root/Package.resolved" ] || cp "$root/Package.resolved" "$place/Package.resolved"
}

# check PRODUCT: runs within its namespace.
check() {
  local product=$1 place=$scratch/$1 library found
  if [ "${HIDE:-}" = 1 ]; then
    for library in "${!headers[@]}"; do
      case " ${allowed[$product]} " in
      *" $library "*) ;;
      *)
        hide "$library"
        if [ -n "$(printf '#include <%s>\n' "${headers[$library]}" | cc -E -x c - 2>/dev/null | grep -v '^#' | tr -d '[:space:]')" ]; then
          echo "  $library couldn't be hidden"
          return 1
        fi
        ;;
      esac
    done
  fi
  swift build --package-path "$place" --scratch-path "$scratch/build" \
    --product "uses-$product" >"$place/build.log" 2>&1 || {
    tail -n 30 "$place/build.log"
    return 1
  }
  # What those libraries need in turn is their own business: look at what the program itself asks for.
  found=$(objdump -p "$scratch/build/debug/uses-$product" | awk '/NEEDED/ { print $2 }' | sed 's/\.so.*//' |
    grep -vE "^($system|$swift_runtime)$" | tr '\n' ' ' || true)
  if [ "${found% }" != "${allowed[$product]}" ]; then
    echo "  is linked to '${found% }', expected '${allowed[$product]}'"
    return 1
  fi
}

if [ "${1:-}" = --within ]; then
  check "$2"
  exit
fi

if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
  export HIDE=1
  within=(unshare -m --propagation private)
else
  echo "Not root: headers of other C libraries stay visible; only what the results are linked to is checked." >&2
  within=(env)
fi

passed=0 failed=0
for product in ${*:-$(products)}; do
  if [ -z "${uses[$product]:-}" ]; then
    echo "FAILED $product: $0 doesn't know the product"
    failed=$((failed + 1))
    continue
  fi
  prepare "$product"
  if "${within[@]}" "$root/Scripts/check-products.sh" --within "$product"; then
    echo "ok     $product: needs ${allowed[$product]:-no C library}"
    passed=$((passed + 1))
  else
    echo "FAILED $product"
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
