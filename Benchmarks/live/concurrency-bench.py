#!/usr/bin/env python3
"""How soon a changed Concurrency counts: a release build under load, a subscriber that holds its answers.

Starts a queue server and a dispatcher of its own; needs nothing that make release hasn't built:
  make release && Benchmarks/live/concurrency-bench.py --repeat 5
Prints, for each round, when the second and the last push arrived after Concurrency had been set from 1 to 500, and how many
began after it had been set back to 1 while more than one was in flight.
"""
import argparse, json, os, socket, statistics, sys, time

from parts import ROOT, Receiver, Scene


class HoldingReceiver(Receiver):
    def __init__(self):
        self.arrivals, self.waiting = [], []
        self.holds = False
        self.highest = 0
        super().__init__()

    def pushed(self, peer, _):
        self.waiting.append(peer)
        self.highest = max(self.highest, len(self.waiting))
        self.arrivals.append(time.monotonic())
        if not self.holds:
            self.release(1)

    def release(self, count):
        """Answers those who asked first."""
        for _ in range(count):
            self.answer(self.waiting.pop(0))

    def wait(self, in_flight, seconds=20):
        end = time.monotonic() + seconds
        while len(self.waiting) != in_flight:
            if time.monotonic() > end:
                sys.exit(f"{len(self.waiting)} pushes are in flight, not {in_flight}")
            time.sleep(0.0005)


class Control:
    """The control panel's protocol."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))

    def set(self, subscription, **parameters):
        request = json.dumps(
            {"cmd": "SetSubscriptionParams", "args": {"SubscriptionId": subscription, "Params": parameters}}).encode()
        self.socket.sendall(str(len(request)).encode().ljust(8, b"\0") + request)
        answer = b""
        while len(answer) < 16 or len(answer) < 16 + int(answer[:8].rstrip(b"\0")):
            answer += self.socket.recv(4096)
        if answer[8:16].rstrip(b"\0") != b"ok":
            sys.exit(answer[16:].decode())


def measure(number, limit, receiver, control):
    # Under load, until it is looked at.
    time.sleep(1)
    receiver.holds = True
    receiver.wait(1)
    before = len(receiver.arrivals)
    begun = time.monotonic()
    control.set(1, Concurrency=limit)
    receiver.wait(limit)
    times = sorted(arrival - begun for arrival in receiver.arrivals[before:])
    control.set(1, Concurrency=1)
    before = len(receiver.arrivals)
    # One answer a millisecond: room for pushes that should not be, all the while.
    while len(receiver.waiting) > 1:
        receiver.release(1)
        time.sleep(0.001)
    late = len(receiver.arrivals) - before
    print(
        f"round {number}: the second push after {times[0] * 1000:.1f} ms, number {limit} after"
        f" {times[limit - 2] * 1000:.1f} ms; after lowering {late} began; at most {receiver.highest} in flight")
    receiver.holds = False
    receiver.release(len(receiver.waiting))
    return times[0], times[limit - 2], late


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5, help="rounds")
    parser.add_argument("--concurrency", type=int, default=500, help="what Concurrency is set to")
    parser.add_argument("--programs", default=os.path.join(ROOT, ".build/release"))
    options = parser.parse_args()
    receiver = HoldingReceiver()
    with Scene(options.programs) as scene:
        scene.configure(f"""
MaxSendersPerChannel = {options.concurrency}
SendersPerChannel = 1
DefaultMaxMessageProcessTime = 60000
MaxMessageProcessTime = 60000
""")
        scene.medctl("subscriptions", "add", "order_paid", f"http://127.0.0.1:{receiver.port}/")
        count = options.repeat * 20_000 + 20_000
        scene.medctl("publish", "--count", str(count), "order_paid", '{"order":1}')
        scene.dispatch()
        control = Control(scene.rpc_port)
        control.set(1, Concurrency=1)
        rounds = [
            measure(number + 1, options.concurrency, receiver, control) for number in range(options.repeat)]
    last = [one[1] for one in rounds]
    print(
        f"median: second {statistics.median(one[0] for one in rounds) * 1000:.1f} ms, number {options.concurrency}"
        f" {statistics.median(last) * 1000:.1f} ms (worst {max(last) * 1000:.1f});"
        f" began after lowering: {sum(one[2] for one in rounds)}")


main()
