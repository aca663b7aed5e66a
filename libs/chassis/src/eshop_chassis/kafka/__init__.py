"""Kafka: an idempotent producer whose acknowledgements can be awaited, and a consumer that hands over what it polled.

confluent-kafka's AIOProducer refuses headers, so the plain Producer is used, with a thread that polls it.
"""

from eshop_chassis.kafka.connection import client_settings
from eshop_chassis.kafka.consumer import KafkaBatches
from eshop_chassis.kafka.headers import headers_of
from eshop_chassis.kafka.producer import KafkaProducer, MessageRefused, QueueMessage, check_kafka, open_producer
from eshop_chassis.kafka.progress import GroupProgress, Standing, standings, standings_of

__all__ = [
    "GroupProgress",
    "KafkaBatches",
    "KafkaProducer",
    "MessageRefused",
    "QueueMessage",
    "Standing",
    "check_kafka",
    "client_settings",
    "headers_of",
    "open_producer",
    "standings",
    "standings_of",
]
