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
    committed: bool = False
    rolled_back: bool = False

    def answered(self, statement: str, status: int) -> None:
        is_open = bool(status & _IN_TRANSACTION)
        begins_another = statement.lstrip()[:5].upper() in ("BEGIN", "START")  # which commits the one before
        if self.begun and (begins_another or not is_open):
            self.committed = True  # or rolled back, by a statement of the work's own
        self.begun = self.begun or is_open


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
        if watch.committed:
            raise NotOneTransaction("work committed by itself, then raised") from error
        raise
    finally:
        del _watches[sync]
    if watch.committed or watch.rolled_back:
        raise NotOneTransaction("work committed or rolled back by itself")


def watch_engine(engine: AsyncEngine) -> None:
    """Has the engine report what its guarded connections do; others it leaves alone."""
    listeners = {"after_cursor_execute": _executed, "commit": _committed, "rollback": _rolled_back}
    for name, listener in listeners.items():
        if not event.contains(engine.sync_engine, name, listener):
            event.listen(engine.sync_engine, name, listener)


def _executed(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    if watch := _watches.get(connection):
        watch.answered(statement, _status(connection))


def _committed(connection: Connection) -> None:
    if watch := _watches.get(connection):
        watch.committed = watch.committed or watch.begun


def _rolled_back(connection: Connection) -> None:
    if watch := _watches.get(connection):
        watch.begun, watch.rolled_back = False, watch.rolled_back or watch.begun


def _status(connection: Connection) -> int:
    return getattr(connection.connection.driver_connection, "server_status", None) or 0
