"""Puts messages into the main queue of one of several beanstalkds, or else on a recover list in Redis.

    pip install greenstalk msgpack redis
    python3 producer.py 127.0.0.1:11300,127.0.0.1:11301 127.0.0.1:6379 order_paid '{"order": 4711}'
"""

import json
import random
import socket
import sys
import time

import greenstalk
import msgpack
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

MAIN_QUEUE = "main-incoming-queue"  # the dispatchers' NameOfMainQueue
LIST_PREFIX = "mec_list_of_msg_for_restore_to_queue_server:"  # their MsgQueueFaultToleranceListNamePrefix
TIME_TO_RUN = 60  # seconds
CONNECT_TIMEOUT = 1
ANSWER_TIMEOUT = 3
DOWN_TIME = 5  # a server that failed is left alone for so long


class Producer:
    """Belongs to one thread: its connections are kept between messages."""

    def __init__(self, queue_servers, redis_server):
        self.servers = queue_servers.split(",")
        self.clients = {}
        self.down_until = {}
        host, port = redis_server.rsplit(":", 1)
        self.redis = redis.Redis(
            host, int(port), socket_connect_timeout=CONNECT_TIMEOUT, socket_timeout=ANSWER_TIMEOUT,
            retry=Retry(NoBackoff(), 0))  # what wasn't answered isn't sent again behind our back
        self.list = LIST_PREFIX + socket.gethostname()

    def publish(self, topic, body, sender="", priority=1024, delay=0):
        """Tells where the message is. If it raises, the message is yours to keep and to publish again, unless it is
        greenstalk.JobTooBigError: nobody will ever take it.

        A server that was sent the message and didn't answer may have it: then it comes twice."""
        message = msgpack.packb({
            "MsgKey": topic, "Sender": sender, "Time": time.time(), "Priority": priority, "Delay": delay, "Body": body})
        for server in random.sample(self.servers, len(self.servers)):  # any order: so the load is spread
            if self.down_until.get(server, 0) > time.monotonic():
                continue
            try:
                self.put(self.client(server), message, priority, delay)
                return "queued on " + server
            except greenstalk.JobTooBigError:
                raise
            except (OSError, greenstalk.Error):  # away, silent, DRAINING, OUT_OF_MEMORY: the next one
                self.clients.pop(server, None)
                self.down_until[server] = time.monotonic() + DOWN_TIME
        # Dispatchers take from the right. An entry is the message as a msgpack string: it is encoded twice.
        self.redis.lpush(self.list, msgpack.packb(message, use_bin_type=False))
        return "listed on " + self.list

    @staticmethod
    def put(client, message, priority, delay):
        try:
            client.put(message, priority, delay, TIME_TO_RUN)
        except greenstalk.BuriedError as error:  # stored, but the server has no memory to make it ready
            client.kick_job(error.id)

    def client(self, server):
        if server not in self.clients:
            host, port = server.rsplit(":", 1)
            connection = socket.create_connection((host, int(port)), CONNECT_TIMEOUT)
            connection.settimeout(ANSWER_TIMEOUT)
            # Only `use`, never `watch`: who watches the main queue counts as one who works on it.
            self.clients[server] = greenstalk.Client(connection, encoding=None, use=MAIN_QUEUE)
        return self.clients[server]


if __name__ == "__main__":
    producer = Producer(sys.argv[1], sys.argv[2])
    print(producer.publish(sys.argv[3], json.loads(sys.argv[4]), sender="python"))
