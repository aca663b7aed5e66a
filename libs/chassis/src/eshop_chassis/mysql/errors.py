"""What an error of MySQL says: that it is away for the moment, that a row collides, or that the SQL is wrong."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy.exc as sa

import aiodtm
from aiodtm.mysql import DUPLICATE, error_number, was_rolled_back
from eshop_chassis.hooks import away, translates
from protoc_gen_fastapi.runtime import RpcError

__all__ = ["ILL_FITTING", "error_number", "is_duplicate", "is_passing", "is_unreachable", "text_of", "was_rolled_back"]

# The driver has numbers of its own for a connection that can't be had or is lost.
_DRIVER = range(2000, 3000)
_ACCESS = {1044, 1045, 1049, 1142, 1146}  # no right, no database or no table: it is not set up, or not yet
_BUSY = {1040, 1041, 1053, 1129, 1203, 1226}  # connections, memory, shutting down, host blocked, limits of the user
_CUT = {1080, 1152, 1158, 1159, 1160, 1161, 1184, 1317, 1927, 3024, 4031}  # aborted, killed, idle or query for too long
_READ_ONLY = {1290, 1792, 1836}  # another server is to be written to now
# A node of a group that has lost the others: Galera says that it is not prepared, Group Replication's hooks fail.
_ALONE = {1047, 3100}
_PASSING = _ACCESS | _BUSY | _CUT | _READ_ONLY | _ALONE


def is_passing(error: sa.SQLAlchemyError | aiodtm.CommitUnknown) -> bool:
    """Whether asking again later can help; otherwise the statement itself is wrong."""
    if isinstance(error, (sa.TimeoutError, aiodtm.CommitUnknown)):
        return True
    if not isinstance(error, sa.DBAPIError):
        return False
    number = error_number(error)
    if was_rolled_back(error) or number in _PASSING or number in _DRIVER:
        return True
    return number is None and isinstance(error, (sa.InterfaceError, sa.InternalError))


def is_unreachable(error: BaseException) -> bool:
    """Whether MySQL itself is away, as opposed to busy or refusing us."""
    if isinstance(error, sa.DBAPIError):
        return error.connection_invalidated or error_number(error) in _DRIVER
    return isinstance(error, (OSError, TimeoutError))


def is_duplicate(error: sa.DBAPIError) -> bool:
    """Whether a unique key is taken."""
    return error_number(error) == DUPLICATE


def text_of(error: sa.DBAPIError) -> str:
    """MySQL's own words."""
    args: tuple[Any, ...] = getattr(error.orig, "args", ())
    return str(args[1]) if len(args) > 1 else str(error.orig)


@translates(sa.SQLAlchemyError, aiodtm.CommitUnknown)
def _rpc_error(error: sa.SQLAlchemyError | aiodtm.CommitUnknown) -> RpcError | None:
    return away("MySQL did not answer", error, "the database does not answer; try again") if is_passing(error) else None


ILL_FITTING: Mapping[int, str] = {
    1264: "is out of range",
    1366: "has a value that can't be stored",
    1406: "is too long",
}
"""What a value can be that does not fit into its column; the column's name stands in MySQL's words."""
