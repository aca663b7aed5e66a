"""Rows in which MySQL, Redis or Kafka die, lose what they had, or refuse work."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pymysql
from confluent_kafka import Consumer, KafkaException, TopicPartition
from deaths import NOTICED_SECONDS, kill
from queue_messages import GROUP, OrderQueue, order_message
from scene import NeverStruckError, Scene, row

AOF_FOLDER = "appendonlydir"


@row("mysql-killed", "MySQL SIGKILL and restart", patience=180)
async def mysql_killed(scene: Scene) -> None:
    for _ in range(2):
        await scene.some(1, 4)
        await kill(scene, "mysql")


@row("mysql-connections-killed", "MySQL connections killed, 5 a second")
async def mysql_connections_killed(scene: Scene) -> None:
    killed = 0
    with pymysql.connect(**scene.shop.running.mysql(), autocommit=True) as connection, connection.cursor() as cursor:
        for _ in range(50):
            cursor.execute(
                "SELECT id FROM information_schema.processlist WHERE user <> 'system user' AND id <> CONNECTION_ID()"
                " AND db IS NOT NULL ORDER BY id"
            )
            ids = [row[0] for row in cursor.fetchall()]
            if ids:
                try:
                    cursor.execute(f"KILL CONNECTION {scene.rng.choice(ids)}")
                    killed += 1
                except pymysql.Error:
                    pass  # it has gone by itself
            await asyncio.sleep(0.2)
    scene.note(f"{killed} connections")


@row("stock-row-locked", "a stock row locked for 10 s")
async def stock_row_locked(scene: Scene) -> None:
    await scene.some(1, 2)
    with pymysql.connect(**scene.shop.running.mysql()) as connection, connection.cursor() as cursor:
        products = (scene.rng.choice(scene.shelf.plenty),)
        cursor.execute("SELECT id FROM eshop_stock.stock WHERE product_id = %s FOR UPDATE", products)
        await asyncio.sleep(10)
        connection.rollback()
    scene.note("10 s")


@row("kafka-killed", "Kafka SIGKILL and restart", patience=180)
async def kafka_killed(scene: Scene) -> None:
    for _ in range(2):
        await scene.some(1, 3)
        await kill(scene, "kafka")


@row("redis-loses-a-second", "Redis killed and its last second cut off", patience=60, repaired=True)
async def redis_loses_a_second(scene: Scene) -> None:
    await scene.some(3, 6)
    aof = _aof(scene)
    sizes = [aof.stat().st_size]
    for _ in range(10):
        await asyncio.sleep(0.1)
        sizes.append(aof.stat().st_size)
    scene.shop.signal("redis", signal.SIGSTOP)
    scene.shop.kill("redis")
    while scene.shop.alive("redis"):  # noqa: ASYNC110 - a process that ends, no event
        await asyncio.sleep(0.01)
    lost = aof.stat().st_size - sizes[0]
    os.truncate(aof, sizes[0])  # the supervisor waits a second before it starts Redis again
    if lost <= 0:
        raise NeverStruckError("nothing was written in the last second")
    scene.note(f"{lost} bytes cut off")
    await asyncio.sleep(NOTICED_SECONDS)
    await scene.shop.ready("redis")


def _aof(scene: Scene) -> Path:
    files = sorted((scene.shop.stack.data("redis") / AOF_FOLDER).glob("*.incr.aof"))
    return files[-1]


@row("offsets-reset", "offsets reset to the start, and poisoned messages", patience=240)
async def offsets_reset(scene: Scene) -> None:
    queue = OrderQueue(scene.shop.running)
    poison = {
        f"no JSON {scene.rng.random()}".encode(),
        order_message(1, scene.shelf.plenty[0], "bforeign00000000000000000", salt=scene.rng.random()),
        order_message(0, scene.shelf.plenty[0], queue.new_id(), salt=scene.rng.random()),
    }
    await scene.some(2, 4)
    await queue.write(*poison)
    scene.shop.signal("order", signal.SIGTERM)  # a group can be reset only while nobody is in it
    await asyncio.to_thread(_reset, scene.shop.running)
    scene.note("reset to 0, 3 poisoned messages")
    await scene.shop.ready("order")

    async def all_buried() -> list[str]:
        found = {letter.value for letter in await queue.dead_letters(poison)}
        return [f"I7 the poisoned message {value!r} is no dead letter" for value in poison - found]

    scene.checks.append(all_buried)


def _reset(stack: Any) -> None:
    topic = stack["ESHOP_KAFKA_ORDER_TOPIC"]
    consumer = Consumer(
        {"bootstrap.servers": stack.address("KAFKA"), "group.id": GROUP, "enable.auto.commit": False, "log_level": 0}
    )
    try:
        for _ in range(300):
            try:
                partitions = consumer.list_topics(topic, timeout=3).topics[topic].partitions
                consumer.commit(offsets=[TopicPartition(topic, number, 0) for number in partitions], asynchronous=False)
            except KafkaException:
                continue  # the group is not empty yet; asking is the pause
            return
    finally:
        consumer.close()
    raise NeverStruckError("the group was never empty")
