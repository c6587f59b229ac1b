#!/usr/bin/env python3
"""What a database that dies under load costs: the time from a message's put to its push, before, meanwhile and after.

Starts MariaDB, a queue server and a dispatcher of its own; needs nothing that make release hasn't built:
  make release && Benchmarks/live/store-bench.py --rate 500 --down 60
One push in a hundred fails, so that there are rows to be written while nobody takes them; in the end they are counted.
"""
import argparse, os, signal, socket, struct, subprocess, sys, threading, time

from parts import ROOT, Receiver, Scene, free_port, wait_for

TOPIC = "order_paid"
MAIN_QUEUE = "events"


def message(number):
    """msgpack: MsgKey, Time, Body {"n": number}."""
    def text(word):
        return bytes([0xA0 + len(word)]) + word.encode()

    return (
        b"\x83" + text("MsgKey") + text(TOPIC) + text("Time") + b"\xcb" + struct.pack(">d", time.time())
        + text("Body") + b"\x81" + text("n") + b"\xce" + struct.pack(">I", number))


class TimedReceiver(Receiver):
    """Notes when each message came first; refuses one in a hundred of them once."""

    def __init__(self):
        self.first = {}
        super().__init__()

    def pushed(self, peer, request):
        now = time.monotonic()
        # "message" comes as a form field: {"n":123} percent-encoded.
        number = int(request.rsplit(b"%22n%22%3A", 1)[1].split(b"%", 1)[0])
        is_new = number not in self.first
        self.first.setdefault(number, now)
        self.answer(peer, 0 if is_new and number % 100 == 7 else 1)


class Database:
    def __init__(self, place):
        self.directory = os.path.join(place, "mariadb")
        self.socket = os.path.join(place, "mariadb.sock")
        self.port = free_port()
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db",
             "--user=root", f"--datadir={self.directory}"], check=True, stdout=subprocess.DEVNULL)

    def start(self):
        self.process = subprocess.Popen(
            ["mariadbd", "--no-defaults", "--user=root", f"--datadir={self.directory}", f"--socket={self.socket}",
             "--bind-address=127.0.0.1", f"--port={self.port}", "--skip-name-resolve", "--performance-schema=OFF",
             "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.port)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def sql(self, statements, *database):
        return subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self.socket}", "-uroot", "-N", *database], input=statements,
            text=True, check=True, stdout=subprocess.PIPE).stdout.strip()


class Producer(threading.Thread):
    def __init__(self, port, rate):
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(b"use %s\r\n" % MAIN_QUEUE.encode())
        self.socket.recv(100)
        self.rate = rate
        self.put = []
        self.is_ending = False

    def run(self):
        begun = time.monotonic()
        while not self.is_ending:
            number = len(self.put)
            time.sleep(max(0, begun + number / self.rate - time.monotonic()))
            body = message(number)
            self.put.append(time.monotonic())
            self.socket.sendall(b"put 1024 0 120 %d\r\n%s\r\n" % (len(body), body))
            if not self.socket.recv(100).startswith(b"INSERTED"):
                sys.exit("the queue server refused a message")


def show(name, producer, receiver, begin, end):
    numbers = [n for n, put in enumerate(producer.put) if begin <= put < end]
    times = sorted(receiver.first[n] - producer.put[n] for n in numbers if n in receiver.first)

    def at(share):
        return times[min(len(times) - 1, int(len(times) * share))] * 1000
    print(
        f"{name:9} {len(numbers):6} messages, {len(numbers) - len(times)} not pushed; from put to push p50 {at(0.5):.2f} ms,"
        f" p99 {at(0.99):.2f}, p99.9 {at(0.999):.2f}, most {times[-1] * 1000:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=500, help="messages a second")
    parser.add_argument("--down", type=int, default=60, help="seconds without the database")
    parser.add_argument("--around", type=int, default=20, help="seconds before and after")
    parser.add_argument("--programs", default=os.path.join(ROOT, ".build/release"))
    options = parser.parse_args()
    receiver = TimedReceiver()
    with Scene(options.programs) as scene:
        database = Database(scene.place)
        database.start()
        try:
            measure(options, scene, database, receiver)
        finally:
            database.process.terminate()
            database.process.wait()


def measure(options, scene, database, receiver):
    medctl = os.path.join(scene.programs, "medctl")
    database.sql("CREATE DATABASE broadcast")
    database.sql(subprocess.run([medctl, "schema", "--mysql"], check=True, text=True, stdout=subprocess.PIPE).stdout, "broadcast")
    scene.configure(
        f'NameOfMainQueue = "{MAIN_QUEUE}"', f"""
[Database]
Host = "127.0.0.1"
Port = {database.port}
User = "root"
DbName = "broadcast"
[Store]
RefreshInterval = 1
""")
    scene.medctl("subscriptions", "add", TOPIC, f"http://127.0.0.1:{receiver.port}/")
    scene.dispatch()
    producer = Producer(scene.queue_port, options.rate)
    producer.start()
    time.sleep(5)
    marks = [time.monotonic()]
    time.sleep(options.around)
    marks.append(time.monotonic())
    database.kill()
    time.sleep(options.down)
    marks.append(time.monotonic())
    database.start()
    time.sleep(options.around)
    marks.append(time.monotonic())
    producer.is_ending = True
    producer.join()
    # The retries of the last failures come ten seconds later, and their rows a moment after them.
    failed = len([n for n in range(len(producer.put)) if n % 100 == 7])
    for _ in range(120):
        rows = database.sql("SELECT COUNT(*), SUM(final_status = 1 AND alive = 0) FROM broadcast_failure_log", "broadcast")
        if rows == f"{failed}\t{failed}":
            break
        time.sleep(0.5)
    for name, begin, end in zip(["before", "meanwhile", "after"], marks, marks[1:]):
        show(name, producer, receiver, begin, end)
    print(f"rows of failures (all, delivered in the end): {rows.split()}, {failed} messages have failed")


main()
