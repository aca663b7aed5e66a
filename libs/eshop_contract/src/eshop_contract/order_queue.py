"""The order queue: its names in Kafka, and the seal by which the suite recognises its own messages.

The order and the flash-sale service write to the topic, the order service reads it. Anything else that reaches Kafka
can write to it, too: a message without the seal is not an order.
"""

import hmac
from collections.abc import Mapping
from typing import Self

from pydantic import Field

from eshop_chassis import EshopSettings
from eshop_contract.order_ids import OrderIdSettings

SEAL = "x-eshop-mac"
"""The header with the seal."""


class OrderQueueSettings(EshopSettings):
    """Topics and consumer group of the order queue."""

    kafka_order_topic: str = Field(default="flash-sale-order", description="topic of orders that wait to be placed")
    kafka_dead_letter_topic: str = Field(
        default="flash-sale-order-dead-letter", description="topic of what can't be placed"
    )
    kafka_order_group: str = Field(default="activity-order-group", description="consumer group that places orders")

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Self:
        """The names in a stack's variables, whatever the environment of this process says."""
        names = OrderQueueSettings.model_fields
        return cls(**{name: variables.get(f"ESHOP_{name.upper()}") or field.default for name, field in names.items()})


class QueueSeal:
    """Seals messages with the installation's secret, and recognises the seal: HMAC-SHA256 over the value, in hex."""

    def __init__(self, settings: OrderIdSettings) -> None:
        # A separate key: the one that signs ids must not be able to sign messages.
        self._key = hmac.digest(settings.order_id_key.encode(), b"order queue", "sha256")

    def headers(self, value: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers of a message with this value: `headers` and the seal."""
        return {**headers, SEAL: hmac.digest(self._key, value, "sha256").hex()}

    def fits(self, value: bytes, headers: Mapping[str, str]) -> bool:
        """True if this installation wrote the value."""
        found = headers.get(SEAL, "")
        return found.isascii() and hmac.compare_digest(found, hmac.digest(self._key, value, "sha256").hex())
