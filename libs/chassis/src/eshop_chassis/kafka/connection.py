"""What every client of Kafka in this process has in common."""

from typing import Any

from eshop_chassis.settings import KafkaSettings

LOOK_SECONDS = 1.0
# A broker that was shut out of its cluster for a moment answers that there are none; librdkafka then forgets them all
# and never asks again (its issue 5301). A client that has found nobody for this long is replaced by a new one.
LOST_SECONDS = 20.0


class _QuietLogger:
    """librdkafka reports every lost connection many times over; readiness tells it once."""

    def __getattr__(self, _name: str) -> Any:
        return self._ignore

    def _ignore(self, *_args: Any, **_kwargs: Any) -> None: ...


def client_settings(settings: KafkaSettings) -> dict[str, Any]:
    """How to reach Kafka, and how soon again after it was away."""
    return {
        "bootstrap.servers": settings.kafka_bootstrap,
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 1_000,
        "socket.keepalive.enable": True,
        "log_level": 3,
        "logger": _QuietLogger(),
    }
