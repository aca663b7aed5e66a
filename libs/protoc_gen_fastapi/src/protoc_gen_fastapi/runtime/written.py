"""How values are written in JSON that JSON itself has no form for: bytes, floats, what is no number, known messages."""

import base64 as b64
import json
import math
import struct
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.message import Message

_SINGLE: Final = struct.Struct("<f")


def base64(value: bytes) -> str:
    return b64.b64encode(value).decode()


def double(value: float) -> float | str:
    """A double; what JSON has no number for is written as protobuf does, "NaN", "Infinity", "-Infinity"."""
    return value if math.isfinite(value) else _no_number(value)


def single(value: float) -> float | str:
    """A float of 32 bits with as few digits as tell it from its neighbours: 0.1 and not 0.10000000149011612."""
    if not math.isfinite(value):
        return _no_number(value)
    for digits in (6, 7, 8):
        short = float(f"{value:.{digits}g}")
        if _SINGLE.unpack(_SINGLE.pack(short))[0] == value:
            return short
    return float(f"{value:.9g}")


def _no_number(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def is_written(value: float) -> bool:
    """Whether a number that need not be sent is: all are but 0.0, and -0.0 is another number."""
    return value != 0.0 or math.copysign(1.0, value) < 0


def as_key(key: object) -> str:
    """The key of a map as JSON has it."""
    return json.dumps(key) if isinstance(key, bool) else str(key)


def as_json(message: Message) -> Any:
    """One of protobuf's known messages (Timestamp, Struct, Any, ...) in its own form."""
    return json_format.MessageToDict(message)
