"""Order ids: made once, where a request is accepted, and recognisable as the suite's own.

Shape: 26 characters of [0-9a-v]: the kind (o placed at once, b buffered, f flash sale), 10 random, 9 of time
(milliseconds since 1970), 6 of a keyed hash over the rest. Random first, because time-ordered ids meet in the same
pages of an index; the hash lets a service tell an id that was handed out from one that never was, without asking a
store.
"""

import hmac
import secrets
import time
from typing import Literal

from pydantic import Field

from eshop_chassis import EshopSettings

Kind = Literal["o", "b", "f"]
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_PAIRS = [a + b for a in _DIGITS for b in _DIGITS]
_RANDOM, _TIME, _MAC = 10, 9, 6
LENGTH = 1 + _RANDOM + _TIME + _MAC


class OrderIdSettings(EshopSettings):
    """The key that order ids are signed with; the order and the flash-sale service must share it."""

    order_id_key: str = Field(
        "eshop-lab-key", min_length=8, description="any text; change it and older ids look foreign"
    )


class OrderIds:
    """Makes and recognises order ids."""

    def __init__(self, settings: OrderIdSettings) -> None:
        self._key = settings.order_id_key.encode()

    def new(self, kind: Kind) -> str:
        """A new id of this kind."""
        body = kind + _encode(secrets.randbits(5 * _RANDOM), _RANDOM) + _encode(time.time_ns() // 1_000_000, _TIME)
        return body + self._mac(body)

    def derived(self, kind: Kind, source: str) -> str:
        """An id of this kind that is always the same for the same source."""
        digest = int.from_bytes(hmac.digest(self._key, source.encode(), "sha256")[8:24], "big")
        body = kind + _encode(digest, _RANDOM) + _encode(digest >> 5 * _RANDOM, _TIME)
        return body + self._mac(body)

    def kind(self, order_id: str) -> Kind | None:
        """The kind of an id that this suite made; None for any other text."""
        body, mac = order_id[:-_MAC], order_id[-_MAC:]
        if len(order_id) != LENGTH or not order_id.isascii() or not hmac.compare_digest(mac, self._mac(body)):
            return None
        return body[0]  # pyright: ignore[reportReturnType] - the hash covers it, so `new` wrote it

    def _mac(self, body: str) -> str:
        digest = hmac.digest(self._key, body.encode(), "sha256")
        return _encode(int.from_bytes(digest[:4], "big") >> 2, _MAC)


def _encode(number: int, length: int) -> str:
    """The last `length` digits of a number, two at a time: an id is made for every request."""
    pairs = (length + 1) // 2
    text = "".join([_PAIRS[(number >> shift) & 1023] for shift in range(10 * (pairs - 1), -1, -10)])
    return text if length % 2 == 0 else text[1:]
