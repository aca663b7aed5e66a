"""Order ids: made once, where a request is accepted, and recognisable as the suite's own.

Shape: 26 characters of [0-9a-v]: the kind (o placed at once, b buffered, f flash sale), 10 random, 9 of time
(milliseconds since 1970), 6 of a keyed hash over the rest. The random part comes first, because ids in order
of time would all write to the same index pages. The hash lets a service recognise an id that was handed out without
asking a store.
"""

import hmac
import secrets
import time
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from eshop_chassis import EshopSettings

Kind = Literal["o", "b", "f"]
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_PAIRS = [a + b for a in _DIGITS for b in _DIGITS]
_RANDOM, _TIME, _MAC = 10, 9, 6
LENGTH = 1 + _RANDOM + _TIME + _MAC
LEAST_KEY = 8
# All installations used this key before each had one of its own.
PUBLISHED_KEY = "eshop-lab-key"


class OrderIdSettings(EshopSettings):
    """The secret of one installation; whoever makes, reads or checks its order ids must have the same one."""

    order_id_key: str = Field(
        default="",
        repr=False,
        description="secret of this installation: signs order ids and queue messages; `make up` makes one",
    )
    order_id_key_file: str = Field(
        default="", description="file that holds the secret, where ESHOP_ORDER_ID_KEY is not set"
    )

    @model_validator(mode="after")
    def _find_key(self) -> Self:
        if not self.order_id_key and self.order_id_key_file:
            self.order_id_key = _read(self.order_id_key_file)
        if len(self.order_id_key) < LEAST_KEY:
            raise ValueError(
                f"ESHOP_ORDER_ID_KEY: at least {LEAST_KEY} characters that nobody else knows, the same for order and "
                "flash sale; `make up` makes them, so does: openssl rand -hex 32"
            )
        if self.order_id_key == PUBLISHED_KEY:
            raise ValueError(f"ESHOP_ORDER_ID_KEY: {PUBLISHED_KEY} is known to everybody; use: openssl rand -hex 32")
        return self


def _read(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise ValueError(f"ESHOP_ORDER_ID_KEY_FILE: {file} can't be read: {error.strerror}") from None


class OrderIds:
    """Makes and recognises order ids."""

    def __init__(self, settings: OrderIdSettings) -> None:
        self._key = settings.order_id_key.encode()

    @classmethod
    def of_older_releases(cls) -> "OrderIds":
        """Recognises ids that releases up to 0.1.0 made. Anybody can forge them: trust only data of that time."""
        ids = cls.__new__(cls)
        ids._key = PUBLISHED_KEY.encode()
        return ids

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
