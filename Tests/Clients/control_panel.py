"""A client of the control panel's protocol, written from its text alone: plain sockets, nothing of the dispatcher.

    control_panel.py HOST PORT < requests

Each line of standard input is the JSON of one request; all go over one connection. For each one a line of JSON tells the
16 bytes before the answer, as they came, the status and the answer. Then CLOSE is sent, and the last line tells what the
server said before it hung up.
"""

import json
import socket
import sys


def receive(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise SystemExit(f"hung up after {len(data)} of {count} bytes: {data!r}")
        data += part
    return data


def call(connection, body):
    """8 bytes length in ASCII decimal padded with NUL, then JSON; 8 bytes length, 8 bytes status, then JSON."""
    connection.sendall(str(len(body)).encode("ascii").ljust(8, b"\0") + body)
    head = receive(connection, 16)
    length, status = head[:8], head[8:]
    answer = receive(connection, int(length.rstrip(b"\0").decode("ascii")))
    return head, status.rstrip(b"\0").decode("ascii"), json.loads(answer)


def main():
    connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60)
    for line in sys.stdin.buffer.read().splitlines():
        head, status, answer = call(connection, line)
        print(json.dumps({"head": head.hex(), "status": status, "answer": answer}))
    connection.sendall(b"CLOSE")
    rest = b""
    while part := connection.recv(4096):
        rest += part
    print(json.dumps({"last": rest.decode("latin-1")}))


if __name__ == "__main__":
    main()
