"""Passwords: argon2id hashes with the parameters of RFC 9106's second recommendation, made off the event loop."""

import asyncio

from argon2 import PasswordHasher
from argon2.profiles import RFC_9106_LOW_MEMORY

_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_AT_ONCE = 2


class Passwords:
    """Hashes passwords, a few at a time: each takes 64 MiB and some tens of milliseconds of CPU."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        """The argon2id hash of a password; "" for an empty one, which no password matches."""
        if not password:
            return ""
        async with self._slots:
            return await asyncio.to_thread(_HASHER.hash, password)
