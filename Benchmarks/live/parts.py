"""What the measurements here share: servers of their own on free ports, and a subscriber that notes each push."""
import os, select, shutil, socket, subprocess, sys, tempfile, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(400):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nobody listens on {port}")


class Scene:
    """A queue server and a dispatcher in a directory of their own; ended with it."""

    def __init__(self, programs):
        self.programs = programs
        self.place = tempfile.mkdtemp(prefix="live-bench-")
        self.children = []
        self.queue_port, self.rpc_port = free_port(), free_port()
        self.config = os.path.join(self.place, "config.toml")

    def __enter__(self):
        self.start("beanstalkd", "-l", "127.0.0.1", "-p", str(self.queue_port))
        wait_for(self.queue_port)
        return self

    def __exit__(self, *_):
        for child in reversed(self.children):
            child.terminate()
            child.wait()
        shutil.rmtree(self.place)

    def start(self, *command):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.children.append(child)
        return child

    def configure(self, keys, tables=""):
        with open(self.config, "w") as file:
            file.write(f"""
QueueServerAddr = "127.0.0.1:{self.queue_port}"
ListenAddr = "127.0.0.1:{self.rpc_port}"
LOG_DIR = "{self.place}/log"
DATA_DIR = "{self.place}/data"
DropMessageLogDir = "{self.place}/drop"
DebugAddr = ""
StatisticApiAddr = ""
PrometheusApiAddr = ""
{keys}
[Admin]
Addr = ""
{tables}
""")

    def medctl(self, *words):
        subprocess.run(
            [os.path.join(self.programs, "medctl"), *words, "-f", self.config], check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def dispatch(self):
        self.start(os.path.join(self.programs, "medispatcher"), "-f", self.config)
        wait_for(self.rpc_port)


class Receiver:
    """A subscriber on a thread of its own."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def pushed(self, peer, request):
        """For each push, when all of it is there."""
        raise NotImplementedError

    @staticmethod
    def answer(peer, status=1):
        body = b'{"status":%d}' % status
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def run(self):
        poll = select.epoll()
        self.listener.setblocking(False)
        poll.register(self.listener, select.EPOLLIN)
        peers = {}
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self.listener.fileno():
                    self.accept(poll, peers)
                    continue
                entry = peers[descriptor]
                try:
                    data = entry[0].recv(65536)
                except BlockingIOError:
                    continue
                except OSError:
                    data = b""
                if not data:
                    poll.unregister(descriptor)
                    peers.pop(descriptor)[0].close()
                    continue
                entry[1] += data
                head = entry[1].find(b"\r\n\r\n")
                if head < 0:
                    continue
                length = 0
                for line in entry[1][:head].split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                if len(entry[1]) >= head + 4 + length:
                    request, entry[1] = entry[1], b""
                    self.pushed(entry[0], request)

    def accept(self, poll, peers):
        try:
            while True:
                peer, _ = self.listener.accept()
                peer.setblocking(False)
                peers[peer.fileno()] = [peer, b""]
                poll.register(peer, select.EPOLLIN)
        except BlockingIOError:
            pass
