#!/usr/bin/env bash
# Makes .build/venv with the Python packages that tests check against. Does nothing, quickly, when it is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

wanted=Tests/requirements.txt
venv=.build/venv
mkdir -p .build
# Tests of several processes may ask for it at once.
exec 9>.build/venv.lock
flock 9
# Written last, so that what was cut off in the middle is made anew.
if cmp -s "$wanted" "$venv/complete"; then exit 0; fi

rm -rf "$venv"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --retries 5 --requirement "$wanted"
cp "$wanted" "$venv/complete"
