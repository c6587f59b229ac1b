#!/usr/bin/env python3
"""watched-tests.py COMMAND...: runs `swift test …`; when nothing has happened for minutes, says which tests hang and
where their threads are, and ends them.

A run that hangs would else be ended from outside, with its last lines unwritten, and nobody would know why.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# Far longer than any test takes.
PATIENCE = 300 if "SANITIZED" not in os.environ else 1200
FAILED_TO_END = 124


def running(events):
    """The tests that have begun and not ended. Those that wait for their turn count as begun."""
    begun = {}
    for line in events.read_text(errors="replace").splitlines():
        try:
            payload = json.loads(line)["payload"]
        except (ValueError, KeyError):
            continue  # A line that is being written.
        test = payload.get("testID", "")
        # Suites have no source location.
        if payload.get("kind") == "testStarted" and ".swift:" in test:
            begun[test] = True
        elif payload.get("kind") == "testEnded":
            begun.pop(test, None)
    return list(begun)


def descendants(parent):
    """Process ids and command lines of all that come from it, its children first."""
    children = {}
    for directory in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            # The name before it stands in parentheses, and may hold any.
            its_parent = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
            command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, ValueError, IndexError):
            continue  # It has ended meanwhile.
        children.setdefault(its_parent, []).append((int(directory.name), command))
    found, level = [], [parent]
    while level:
        below = [child for process in level for child in children.get(process, [])]
        found += below
        level = [process for process, _ in below]
    return found


def show_threads(process):
    if shutil.which("gdb"):
        command = ["gdb", "-p", str(process), "--batch", "-ex", "thread apply all backtrace 25"]
    else:
        command = ["lldb", "-p", str(process), "--batch", "-o", "thread backtrace all -c 25"]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=subprocess.STDOUT, timeout=180)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"its threads can't be shown: {error}", file=sys.stderr)


def report(events, tests):
    print(f"\nNo test began or ended for {PATIENCE} seconds. What has begun and not ended:", file=sys.stderr)
    tests_running = running(events)
    for test in tests_running[:50]:
        print(f"  {test}", file=sys.stderr)
    if len(tests_running) > 50:
        print(f"  and {len(tests_running) - 50} more", file=sys.stderr)
    children = descendants(tests.pid)
    print("Processes that it has started:", file=sys.stderr)
    for process, command in children:
        print(f"  {process} {command[:200]}", file=sys.stderr)
    sys.stderr.flush()
    for process, command in children:
        if ".xctest" in command or "swiftpm-testing-helper" in command:
            show_threads(process)


def watch(events, tests):
    """The exit code of the tests; they are ended if they hang."""
    size, changed = 0, time.monotonic()
    while True:
        try:
            return tests.wait(timeout=1)
        except subprocess.TimeoutExpired:
            pass
        if events.stat().st_size != size:
            size, changed = events.stat().st_size, time.monotonic()
        elif size > 0 and time.monotonic() - changed > PATIENCE:
            report(events, tests)
            return FAILED_TO_END


def main():
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 0 if len(sys.argv) > 1 else 2
    with tempfile.TemporaryDirectory() as directory:
        events = pathlib.Path(directory, "events")
        events.touch()
        command = sys.argv[1:] + ["--event-stream-output-path", str(events)]
        # A session of its own, so that all of it can be ended.
        tests = subprocess.Popen(command, start_new_session=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            return watch(events, tests)
        except KeyboardInterrupt:
            return 130
        finally:
            try:
                os.killpg(tests.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


if __name__ == "__main__":
    sys.exit(main())
