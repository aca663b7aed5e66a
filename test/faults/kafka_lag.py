"""How far the order service is behind the queue, asked again and again over one connection."""

from confluent_kafka import Consumer, KafkaException, TopicPartition
from queue_messages import GROUP
from running_stack import RunningStack

SECONDS = 3.0


class QueueLag:
    """Reads offsets; joins no group."""

    def __init__(self, stack: RunningStack) -> None:
        self._topic = stack["ESHOP_KAFKA_ORDER_TOPIC"]
        self._consumer = Consumer(
            {
                "bootstrap.servers": stack.address("KAFKA"),
                "group.id": GROUP,
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )

    def messages(self) -> int | str:
        """Messages that are not finished, or why that can't be told."""
        try:
            partitions = self._consumer.list_topics(self._topic, timeout=SECONDS).topics[self._topic].partitions
            places = [TopicPartition(self._topic, number) for number in partitions]
            ends = [self._consumer.get_watermark_offsets(place, timeout=SECONDS)[1] for place in places]
            done = [max(place.offset, 0) for place in self._consumer.committed(places, timeout=SECONDS)]
        except (KafkaException, TypeError) as error:
            return f"an unknown number of ({type(error).__name__})"
        return sum(ends) - sum(done)

    def close(self) -> None:
        self._consumer.close()
