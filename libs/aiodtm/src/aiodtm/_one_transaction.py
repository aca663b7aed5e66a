"""Notices when the barrier's row and the work do not become one transaction on an SQLAlchemy connection.

MySQL tells with every answer whether a transaction is open; the driver keeps the last word. So nothing is asked.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aiodtm._errors import NotOneTransaction

_IN_TRANSACTION, _AUTOCOMMIT = 1, 2  # MySQL's SERVER_STATUS flags


@dataclass
class Watch:
    """What has been seen of one transaction."""

    begun: bool = False
    ended_early: bool = False

    def answered(self, status: int) -> None:
        if status & _IN_TRANSACTION:
            self.begun = True
        elif self.begun:
            self.ended_early = True


_watches: dict[Connection, Watch] = {}


@contextmanager
def one_transaction(connection: AsyncConnection) -> Generator[None]:
    """Raises NotOneTransaction at once on AUTOCOMMIT, and at the end of a block that ended the transaction itself."""
    sync = connection.sync_connection
    assert sync is not None  # noqa: S101 - it is connected
    if _status(sync) & _AUTOCOMMIT:
        raise NotOneTransaction("the engine is on AUTOCOMMIT")
    watch = _watches[sync] = Watch()
    try:
        yield
    except Exception as error:
        if watch.ended_early:
            raise NotOneTransaction("work committed by itself, then raised") from error
        raise
    finally:
        del _watches[sync]
    if watch.ended_early:
        raise NotOneTransaction("work committed or rolled back by itself")


def watch_engine(engine: AsyncEngine) -> None:
    """Has the engine report what its guarded connections do; others it leaves alone."""
    listeners = {"after_cursor_execute": _executed, "commit": _ended, "rollback": _ended}
    for name, listener in listeners.items():
        if not event.contains(engine.sync_engine, name, listener):
            event.listen(engine.sync_engine, name, listener)


def _executed(connection: Connection, *_: Any) -> None:
    if watch := _watches.get(connection):
        watch.answered(_status(connection))


def _ended(connection: Connection) -> None:
    watch = _watches.get(connection)
    if watch and watch.begun:
        watch.ended_early = True


def _status(connection: Connection) -> int:
    return getattr(connection.connection.driver_connection, "server_status", None) or 0
