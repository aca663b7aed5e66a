"""The envelope codes that the shop adds to the general ones, and the short codes of refusals that stand for them.

A short code travels where a sentence has no room (a barrier's row, DTM's reason); the envelope code is what clients of
the original know. One table, so that a repeated refusal gets the code that the first one had.
"""

from typing import Final

from protoc_gen_fastapi.runtime import Refused, known_codes

SOLD_OUT: Final = 30023
NOT_ON_FLASH_SALE: Final = 30024
LIMIT_REACHED: Final = 30025
UNKNOWN_PRODUCT: Final = 30026
KEY_STILL_RUNNING: Final = 30027

_MEANINGS = {
    SOLD_OUT: "Sold Out (销售完毕)",
    NOT_ON_FLASH_SALE: "Not On Flash Sale",
    LIMIT_REACHED: "Limit Per Buyer Reached",
    UNKNOWN_PRODUCT: "Unknown Product",
    KEY_STILL_RUNNING: "Idempotency Key Still Running",
}
_OF_SHORT = {
    "OUT_OF_STOCK": SOLD_OUT,
    "SOLD_OUT": SOLD_OUT,
    "NOT_ON_SALE": NOT_ON_FLASH_SALE,
    "LIMIT_REACHED": LIMIT_REACHED,
    "UNKNOWN_PRODUCT": UNKNOWN_PRODUCT,
    "KEY_STILL_RUNNING": KEY_STILL_RUNNING,
}


def code_of(short: str) -> int:
    """The envelope code of a refusal with this short code; the general one where it has none of its own."""
    return _OF_SHORT.get(short, Refused.default_code)


def all_codes() -> list[dict[str, int | str]]:
    """Every envelope code that a service may answer with, and what it means."""
    return [*known_codes(), *({"code": code, "msg": msg} for code, msg in _MEANINGS.items())]
