#!/usr/bin/env python3
"""amender against a bare kick loop: jobs/s, peak memory, and how long another client of the queue server waits.

Starts queue servers of its own, fills their tubes with buried jobs, and runs both in turn, each on fresh servers:
  make release && Benchmarks/amend/amend-bench.py --jobs 1000000 --tubes 200 --repeat 3
  Benchmarks/amend/amend-bench.py --jobs 100000 --binlog -f 0          # with a binlog, synced on each write
"""
import argparse, os, shutil, socket, statistics, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, data, lines):
        """Sends, and reads so many lines of answers."""
        self.socket.sendall(data)
        parts, seen = [], 0
        while seen < lines:
            part = self.socket.recv(1 << 20)
            if not part:
                sys.exit("the queue server closed the connection")
            parts.append(part)
            seen += part.count(b"\n")
        return b"".join(parts)


class Server:
    def __init__(self, arguments):
        self.port = free_port()
        self.directory = tempfile.mkdtemp(prefix="amend-bench-")
        binlog = ["-b", self.directory] + arguments.binlog if arguments.binlog is not None else []
        self.process = subprocess.Popen(["beanstalkd", "-l", "127.0.0.1", "-p", str(self.port)] + binlog)
        while True:
            try:
                return Connection(self.port).socket.close()
            except OSError:
                time.sleep(0.01)

    def fill(self, tubes, jobs, size, delayed):
        """Buried jobs, spread evenly, and some delayed ones in each tube."""
        link, before = Connection(self.port), b"default"
        body = b"x" * size
        for tube in range(tubes):
            name, left = b"t/%d" % tube, jobs // tubes + (tube < jobs % tubes)
            link.ask(b"use %s\r\nwatch %s\r\nignore %s\r\n" % (name, name, before), 3)
            before = name
            while left > 0:
                count = min(left, 500)
                left -= count
                link.ask(b"put 1024 0 60 %d\r\n%s\r\n" % (size, body) * count, count)
                taken = link.ask(b"reserve\r\n" * count, 2 * count).split(b"\r\n")[0 : 2 * count : 2]
                link.ask(b"".join(b"bury %s 1024\r\n" % line.split()[1] for line in taken), count)
            if delayed:
                link.ask(b"put 1024 86400 60 1\r\nx\r\n" * delayed, delayed)
        link.socket.close()
        time.sleep(0.2)

    def count(self, state):
        text = Connection(self.port).ask(b"stats\r\n", 40).decode()
        return int(text.split(f"current-jobs-{state}: ")[1].split("\n")[0])

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory)


class Bystander(threading.Thread):
    """Another client of the queue server: how long does it wait for an answer?"""

    def __init__(self, port):
        super().__init__()
        self.link, self.waits, self.ends = Connection(port), [], False

    def run(self):
        while not self.ends:
            begun = time.perf_counter()
            self.link.ask(b"list-tube-used\r\n", 1)
            self.waits.append(time.perf_counter() - begun)
            time.sleep(0.0005)


def measure(command, servers):
    bystander = Bystander(servers[0].port)
    bystander.start()
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begun
    process.returncode = status
    bystander.ends = True
    bystander.join()
    waits = sorted(bystander.waits)
    return took, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, waits[len(waits) * 99 // 100] * 1e3, waits[-1] * 1e3, status


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1_000_000, help="over all servers")
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--tubes", type=int, default=200, help="on each server")
    parser.add_argument("--size", type=int, default=100, help="bytes of a job")
    parser.add_argument("--delayed", type=int, default=0, help="delayed jobs in each tube")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--batches", type=int, nargs="*", default=[1000, 10_000], help="of the kick loop")
    parser.add_argument("--amender", default=os.path.join(ROOT, ".build/release/amender"))
    parser.add_argument("--binlog", nargs=argparse.REMAINDER, help="last; what follows is given to beanstalkd")
    arguments = parser.parse_args()
    loop = os.path.join(tempfile.mkdtemp(prefix="amend-bench-"), "kickloop")
    subprocess.check_call(["cc", "-O2", "-o", loop, os.path.join(HERE, "kickloop.c")])

    results = {}
    for round in range(arguments.repeat):
        for name in ["amender"] + [f"kick {batch}" for batch in arguments.batches]:
            servers = [Server(arguments) for _ in range(arguments.servers)]
            try:
                for server in servers:
                    server.fill(arguments.tubes, arguments.jobs // len(servers), arguments.size, arguments.delayed)
                buried = sum(server.count("buried") for server in servers)
                delayed = sum(server.count("delayed") for server in servers)
                if name == "amender":
                    config = os.path.join(servers[0].directory, "c.toml")
                    addresses = ",".join(f"127.0.0.1:{server.port}" for server in servers)
                    open(config, "w").write(f'QueueServerAddr = "{addresses}"\n')
                    command = [arguments.amender, "-f", config]
                else:
                    command = [loop, str(arguments.tubes), name.split()[1]] + [str(server.port) for server in servers]
                took, memory, cpu, usual, wait, status = measure(command, servers)
                left = sum(server.count("buried") for server in servers)
                woken = delayed - sum(server.count("delayed") for server in servers)
                results.setdefault(name, []).append((buried / took, memory, cpu, usual, wait))
                print(
                    f"{name}: {buried - left} of {buried} in {took:.3f} s, {buried / took:,.0f}/s, {memory:.1f} MiB, "
                    f"{cpu:.3f} s CPU, another client waits {usual:.1f} ms (p99), {wait:.1f} ms at most, {woken} delayed woken, exit {status}",
                    flush=True)
            finally:
                for server in servers:
                    server.stop()
    print(f"\nmedians of {arguments.repeat}, {arguments.jobs} jobs, {arguments.servers} × {arguments.tubes} tubes:")
    for name, runs in results.items():
        rate, memory, cpu, usual, wait = (statistics.median(values) for values in zip(*runs))
        floor = statistics.median(values[0] for values in results[f"kick {arguments.batches[-1]}"])
        print(
            f"{name:>12}: {rate:>12,.0f} jobs/s ({rate / floor:.2f} of the last loop), {memory:6.1f} MiB peak, "
            f"{cpu:.3f} s CPU, another client waits {usual:.1f} ms (p99), {wait:.1f} ms at most")


main()
