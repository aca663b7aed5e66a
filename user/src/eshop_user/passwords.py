"""Passwords: argon2id hashes, made off the event loop.

The parameters are OWASP's least ones for argon2id (19 MiB, 2 passes, 1 lane): anybody may create a user, so a hash must
not cost a process much memory or a core for long.
"""

import asyncio

from argon2 import PasswordHasher

from protoc_gen_fastapi.runtime import TooMany

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = 2
MOST_WAITING = 64


class Passwords:
    """Hashes passwords, two at a time: each takes 19 MiB and some tens of milliseconds of CPU."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """The argon2id hash of a password; "" for an empty one, which no password matches. Raises TooMany at once where
        too many are waiting: those that wait are answered within a second or two.
        """
        if not password:
            return ""
        if self._waiting >= MOST_WAITING:
            raise TooMany("too many passwords are waiting to be hashed; try again in a moment")
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(_HASHER.hash, password)
        finally:
            self._waiting -= 1
