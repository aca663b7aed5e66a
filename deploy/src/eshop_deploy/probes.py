"""Readiness: one question for each kind of part, answered None when it works, else with what is missing."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct

import pymysql
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from eshop_deploy.settings import Settings

PATIENCE_SECONDS = 2.0


def _connect(host: str, port: int) -> socket.socket:
    """A connection that ends with a reset: hundreds of probes leave no ports waiting for a minute each."""
    link = socket.create_connection((host, port), timeout=PATIENCE_SECONDS)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return link


def tcp(host: str, port: int) -> str | None:
    try:
        with _connect(host, port):
            return None
    except OSError as error:
        return f"nothing answers at {host}:{port} ({error.strerror or error})"


def http_ok(host: str, port: int, path: str) -> str | None:
    """GET answers 200."""
    link = http.client.HTTPConnection(host, port)
    with contextlib.closing(link):
        try:
            link.sock = _connect(host, port)
            link.request("GET", path)
            reply = link.getresponse()
            return None if reply.status == 200 else f"{path} answers {reply.status}: {_start_of(reply.read())}"
        except (OSError, http.client.HTTPException) as error:
            return f"{path} at {host}:{port} does not answer ({error})"


def _start_of(body: bytes) -> str:
    return " ".join(body[:160].decode(errors="replace").split())


def mysql(settings: Settings) -> str | None:
    """A login that may do something."""
    try:
        link = pymysql.connect(
            host=settings.host,
            port=settings.ports["mysql"],
            user=settings.mysql_user,
            password=settings.mysql_password,
            connect_timeout=2,
            read_timeout=2,
        )
    except pymysql.MySQLError as error:
        return f"MySQL refuses a login: {error.args[-1]}"
    with contextlib.closing(link):
        return None if link.query("SELECT 1") else "MySQL answers no query"


def redis(settings: Settings) -> str | None:
    """PING after AUTH; Redis answers LOADING while it still reads its file."""
    try:
        with _connect(settings.host, settings.ports["redis"]) as link:
            link.sendall(_command("AUTH", settings.redis_password) + _command("PING"))
            reply = b""
            while reply.count(b"\r\n") < 2 and (piece := link.recv(1024)):
                reply += piece
    except OSError as error:
        return f"Redis does not answer ({error})"
    return None if reply == b"+OK\r\n+PONG\r\n" else f"Redis answers {_start_of(reply)}"


def _command(*words: str) -> bytes:
    pieces = [b"$%d\r\n%s\r\n" % (len(word), word) for word in (text.encode() for text in words)]
    return b"*%d\r\n" % len(words) + b"".join(pieces)


def _kafka_admin(bootstrap: str) -> AdminClient:
    # log_level 0: librdkafka writes of its own to stderr for as long as nothing listens
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})


def kafka(settings: Settings) -> str | None:
    """The broker is registered with its controller and shows in the metadata."""
    if (closed := tcp(settings.host, settings.ports["kafka"])) is not None:
        return closed
    try:
        brokers = _kafka_admin(settings.address("kafka")).list_topics(timeout=PATIENCE_SECONDS).brokers
    except KafkaException as error:
        return f"Kafka does not answer ({error})"
    return None if brokers else "Kafka has no broker yet"


def make_topic(settings: Settings, topic: str) -> None:
    """Creates a topic unless it is there. The number of its partitions is never changed afterwards."""
    make_topic_at(settings.address("kafka"), topic, int(settings.kafka_partitions))


def make_topic_at(bootstrap: str, topic: str, partitions: int) -> None:
    """The same for a broker anywhere; how often the topic is replicated is the broker's default."""
    admin = _kafka_admin(bootstrap)
    if topic in admin.list_topics(timeout=10).topics:
        return
    new = NewTopic(topic, num_partitions=partitions, replication_factor=-1)
    admin.create_topics([new], operation_timeout=10)[topic].result(15)
