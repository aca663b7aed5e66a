"""The headers of a message that anybody may have written, as far as they are text."""

from typing import Any

from confluent_kafka import Message

MOST_HEADERS = 50
MOST_NAME = 100
MOST_BYTES = 2_000


def headers_of(message: Message) -> dict[str, str]:
    """Headers by name; the last of a name counts.

    Left out: names that are not short printable ASCII, values that are long or no UTF-8, and all beyond the first 50.
    """
    try:
        pairs: Any = message.headers() or []
    except (SystemError, UnicodeError):
        # A name is no UTF-8. From here on the client's list of headers holds a null pointer: it must not be touched.
        return {}
    return {name: text for name, value in pairs[:MOST_HEADERS] if (text := _text(name, value)) is not None}


def _text(name: str, value: bytes | str | None) -> str | None:
    if not (0 < len(name) <= MOST_NAME and name.isascii() and name.isprintable()):
        return None
    raw = value.encode(errors="replace") if isinstance(value, str) else value or b""
    try:
        return raw.decode() if len(raw) <= MOST_BYTES else None
    except UnicodeDecodeError:
        return None
