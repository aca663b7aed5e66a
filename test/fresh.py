"""Ids that no other test, and no earlier run, has used."""

import secrets

from aiodtm import random_gid


def product_id() -> int:
    return _large()


def user_id() -> int:
    return _large()


def gid() -> str:
    return random_gid("test")


def order_id() -> str:
    """An order id that the shop didn't make; branches take it, the queue doesn't."""
    return f"test{secrets.token_hex(10)}"


def email() -> str:
    return f"{secrets.token_hex(8)}@example.com"


def _large() -> int:
    # Below 2^53, so that a client whose numbers are doubles can send it too.
    return 10**12 + secrets.randbelow(10**15)
