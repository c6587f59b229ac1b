#!/usr/bin/env bash
# api-fuzz.sh [schemathesis options]: a dispatcher with a queue server of its own, whose admin API schemathesis asks for all
# that its document says, and for what it doesn't.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
programs=${PROGRAMS:-.build/debug}
venv=.build/venv-fuzz
[ -x "$venv/bin/schemathesis" ] || {
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --retries 5 'schemathesis==4.*'
}

place=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$place"
}
trap finish EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

queue=$(free_port)
beanstalkd -l 127.0.0.1 -p "$queue" &
pids+=($!)
port=$(free_port)
cat >"$place/config.toml" <<END
QueueServerAddr = "127.0.0.1:$queue"
LOG_DIR = "$place/log"
DATA_DIR = "$place/data"
DropMessageLogDir = "$place/drop"
ListenAddr = ""
DebugAddr = ""
StatisticApiAddr = ""
PrometheusApiAddr = ""
[Admin]
Addr = "127.0.0.1:$port"
Token = "fuzz"
END
"$programs/medispatcher" -f "$place/config.toml" &
dispatcher=$!
pids+=("$dispatcher")
for _ in $(seq 100); do
  curl -fs "http://127.0.0.1:$port/readyz" >/dev/null && break
  sleep 0.1
done
"$programs/medctl" subscriptions add -f "$place/config.toml" order_paid http://127.0.0.1:1/

# Left out: reads need no token here; what the document can't say (bounds that the config file sets, names of servers,
# URLs) is refused with 422; a cancelled subscription stays to be looked at; 503 is an answer (500 isn't in the document).
status=0
"$venv/bin/schemathesis" run "http://127.0.0.1:$port/openapi.json" --url "http://127.0.0.1:$port" \
  --header 'Authorization: Bearer fuzz' \
  --exclude-checks ignored_auth,positive_data_acceptance,use_after_free,not_a_server_error "$@" || status=$?
kill -0 "$dispatcher" || {
  echo "the dispatcher is gone"
  exit 1
}
cat "$place"/log/error* 2>/dev/null || true
exit "$status"
