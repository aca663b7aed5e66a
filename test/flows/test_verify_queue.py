"""`make verify` names a message that is neither an order nor a dead letter, and a dead letter that tells nothing."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from patience import eventually
from queue_messages import OrderQueue
from running_stack import RunningStack

from eshop_deploy.stacks import Settings, read_settings
from eshop_deploy.verify.look import open_books


@pytest.fixture
def astray(stack: RunningStack) -> Iterator[Settings]:
    """The stack's settings, with a topic of dead letters that nobody has written to."""
    topic, settings = f"dead-letters-{uuid4().hex[:12]}", read_settings(stack.env)
    admin = AdminClient({"bootstrap.servers": stack.address("KAFKA")})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(10)
    yield replace(settings, extra={**settings.extra, "ESHOP_KAFKA_DEAD_LETTER_TOPIC": topic})
    admin.delete_topics([topic])[topic].result(10)


async def test_a_message_that_left_the_queue_and_is_no_dead_letter_is_named(
    stack: RunningStack, astray: Settings, user: int
) -> None:
    queue, poison = OrderQueue(stack), b"no order of %d" % user
    await queue.write(poison)
    await eventually(lambda: _is_idle(queue), within=20)
    [letter] = await queue.dead_letters({poison})
    message = f"I7 message {letter.headers['position']}"

    assert message not in _named(read_settings(stack.env))
    assert message in _named(astray)


def test_a_dead_letter_that_does_not_tell_why_it_is_there_is_named(stack: RunningStack, astray: Settings) -> None:
    producer = Producer({"bootstrap.servers": stack.address("KAFKA")})
    producer.produce(astray.extra["ESHOP_KAFKA_DEAD_LETTER_TOPIC"], b"lost", headers=[("position", b"queue/0/1")])
    assert producer.flush(10) == 0

    assert "I7 dead letter 0" in _named(astray)


def _named(settings: Settings) -> set[str]:
    with open_books(settings) as books:
        return {f"{finding.invariant} {finding.what} {finding.name}" for finding in books.verdict().findings}


async def _is_idle(queue: OrderQueue) -> bool:
    return await queue.lag() == 0
