#!/usr/bin/env python3
"""Recover lists: how fast listed messages are back in the main queue, beside redis-benchmark's figures for the commands.

Starts a Redis and a queue server of its own, and the built dispatcher. The main queue is paused, so that nothing but the
recovery runs; the count of its ready jobs says how far it is.
  make release && Benchmarks/recover/recover-bench.py --messages 100000 --bytes 300 --repeat 5
"""
import argparse, os, re, shutil, socket, statistics, struct, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIST = b"mec_list_of_msg_for_restore_to_queue_server:1"
TUBE = b"main-incoming-queue"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A program that listens on a port, and a connection to it."""

    def __init__(self, words, port):
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        self.port = port
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port))
                return
            except OSError:
                time.sleep(0.01)

    def ask(self, data, lines=1):
        self.socket.sendall(data)
        answer = b""
        while answer.count(b"\n") < lines:
            part = self.socket.recv(1 << 20)
            if not part:
                sys.exit("a server hung up")
            answer += part
        return answer

    def stop(self):
        self.socket.close()
        self.process.kill()
        self.process.wait()


def entry(number, size):
    """A message in a msgpack string."""

    def text(data):
        return (bytes([0xA0 | len(data)]) if len(data) < 32 else b"\xda" + struct.pack(">H", len(data))) + data

    body = b"%08d" % number
    fixed = b"\x84" + text(b"MsgKey") + text(b"order_paid") + text(b"Sender") + text(b"bench") + text(b"Time") + b"\xcb"
    fixed += struct.pack(">d", 1.7e9 + number) + text(b"Body")
    message = fixed + text(body + b"x" * max(0, size - len(fixed) - len(body) - 6))
    return b"\xda" + struct.pack(">H", len(message)) + message


def push(redis, entries):
    for start in range(0, len(entries), 1000):
        part = entries[start : start + 1000]
        words = [b"LPUSH", LIST] + part
        redis.ask(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))


def ready(queue):
    answer = queue.ask(b"stats-tube %s\r\n" % TUBE)
    if answer.startswith(b"NOT_FOUND"):
        return 0
    while b"pause-time-left" not in answer or not answer.endswith(b"\r\n"):
        answer += queue.socket.recv(1 << 16)
    return int(re.search(rb"current-jobs-ready: (\d+)", answer)[1])


def run(options, entries):
    directory = tempfile.mkdtemp(prefix="recover-bench-")
    ports = [free_port(), free_port()]
    redis = Server(
        ["redis-server", "--port", str(ports[0]), "--bind", "127.0.0.1", "--dir", directory, "--save", "",
         "--appendonly", "yes" if options.aof else "no"], ports[0])
    queue = Server(["beanstalkd", "-l", "127.0.0.1", "-p", str(ports[1])], ports[1])
    push(redis, entries)
    queue.ask(b"use %s\r\npause-tube %s 3600\r\n" % (TUBE, TUBE), 2)
    config = os.path.join(directory, "config.toml")
    with open(config, "w") as file:
        file.write(f"""QueueServerAddr = "127.0.0.1:{ports[1]}"
LOG_DIR = "{directory}/log"
DATA_DIR = "{directory}/data"
DropMessageLogDir = "{directory}/drop"
ListenAddr = ""
DebugAddr = ""
StatisticApiAddr = ""
PrometheusApiAddr = ""
[Admin]
Addr = ""
[Redis]
Addr = "127.0.0.1:{ports[0]}"
""")
    begun = time.monotonic()
    dispatcher = subprocess.Popen([options.dispatcher, "-f", config])
    first = None
    while True:
        now, count = time.monotonic(), ready(queue)
        if count and first is None:
            first = now
        if count >= len(entries):
            break
        if now - begun > 300 or dispatcher.poll() is not None:
            sys.exit(f"only {count} came")
        time.sleep(0.005)
    seconds = time.monotonic() - begun
    usage = open(f"/proc/{dispatcher.pid}/stat").read().rsplit(")", 1)[1].split()
    cpu = (int(usage[11]) + int(usage[12])) / os.sysconf("SC_CLK_TCK")
    memory = int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{dispatcher.pid}/status").read())[1])
    dispatcher.terminate()
    dispatcher.wait()
    left = redis.ask(b"DBSIZE\r\n")
    floor = {}
    if options.floor:
        words = ["redis-benchmark", "-p", str(ports[0]), "-n", str(len(entries)), "-P", "500", "-c", "1", "--csv"]
        data = "x" * len(entries[0])
        for name, command in {
            "LPUSH": ["LPUSH", "source", data], "LMOVE": ["LMOVE", "source", "target", "RIGHT", "LEFT"],
            "LREM": ["LREM", "target", "-1", data],
        }.items():
            text = subprocess.run(words + command, capture_output=True, text=True, check=True).stdout
            floor[name] = float(text.strip().splitlines()[-1].rsplit('","', 7)[1].strip('"'))
    redis.stop()
    queue.stop()
    shutil.rmtree(directory)
    return seconds, seconds - (first - begun), cpu, memory / 1024, left, floor


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--bytes", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--aof", action="store_true", help="the Redis keeps an append-only file")
    parser.add_argument("--no-floor", dest="floor", action="store_false")
    parser.add_argument("--dispatcher", default=os.path.join(ROOT, ".build/release/medispatcher"))
    options = parser.parse_args()
    entries = [entry(number, options.bytes) for number in range(options.messages)]
    print(f"{options.messages} entries of {len(entries[0])} bytes")
    rates = []
    for _ in range(options.repeat):
        seconds, flow, cpu, memory, left, floor = run(options, entries)
        rates.append(options.messages / flow)
        text = ", ".join(f"{name} {rate:,.0f}/s" for name, rate in floor.items())
        # Each message is one LMOVE and one LREM.
        both = f"; both {1 / (1 / floor['LMOVE'] + 1 / floor['LREM']):,.0f}/s" if floor else ""
        print(f"{seconds:.2f} s from the start, {options.messages / flow:,.0f} messages/s while they came,"
              f" {cpu:.2f} s CPU, {memory:.0f} MiB | redis-benchmark -P 500: {text}{both}", flush=True)
    print(f"median {statistics.median(rates):,.0f} messages/s")


main()
