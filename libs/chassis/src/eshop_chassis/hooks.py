"""The chassis's answers to what the generated transports ask: metrics, logs, and how foreign errors map."""

import time
from collections.abc import Mapping

import sqlalchemy.exc as sa

import aiodtm
from eshop_chassis import metrics
from eshop_chassis.dtm import calls as dtm_calls
from eshop_chassis.logs import get_logger
from eshop_chassis.mysql.errors import is_passing
from eshop_chassis.readiness import describe
from eshop_chassis.settings import ServiceSettings
from protoc_gen_fastapi.runtime import (
    Call,
    Hooks,
    InvalidArgument,
    Refused,
    RpcError,
    StillRunning,
    Unavailable,
)

log = get_logger(__name__)
TELL_AGAIN_SECONDS = 1.0
_REDIS_AWAY: set[type[Exception]] = set()
_DTM_AWAY = (aiodtm.DtmUnavailable, aiodtm.DtmFailure)
_DATABASE = "the database does not answer; try again"
_STORE = "the store does not answer; try again"
_PART = "a part of the shop does not answer; try again"


class ChassisHooks(Hooks):
    """Measures every rpc, logs what went wrong inside, translates errors of stores and DTM, and knows DTM's calls."""

    branches: bool = True
    """False where no DTM calls, as on a gateway: metadata that names a branch is then dropped."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.max_body = settings.max_body_bytes
        self.default_timeout = settings.request_timeout

    def incoming(self, metadata: dict[str, str], query: Mapping[str, str]) -> Mapping[str, str]:
        if not self.branches:
            dtm_calls.forget_branch(metadata)
        if not query or not dtm_calls.is_branch_query(query):
            return query
        if self.branches:
            dtm_calls.name_branch(metadata, query)
        return dtm_calls.without_names(query)

    def finished(self, method: str, call: Call, status: str, seconds: float) -> None:
        metrics.record_rpc(method, call.transport, status, seconds)
        log.debug(
            "rpc",
            method=method,
            transport=call.transport,
            status=status,
            ms=round(seconds * 1e3, 2),
            request_id=call.request_id,
        )

    def internal_error(self, method: str, call: Call, exc: BaseException) -> None:
        log.error("rpc failed", method=method, request_id=call.request_id, exc_info=exc)

    def judge(self, method: str, call: Call, error: RpcError) -> RpcError | None:
        if not dtm_calls.is_branch(call):
            return error
        if not dtm_calls.is_undo(call):
            return dtm_calls.told_to_dtm(error)
        if not isinstance(error, InvalidArgument):
            return error
        log.error("an undo that makes no sense was answered OK", method=method, why=str(error))
        return None  # an undo never refuses: DTM would ask for ever

    def translate(self, exc: BaseException) -> RpcError | None:
        return translate(exc)


def redis_is_away_on(*errors: type[Exception]) -> None:
    """Says what Redis's client raises where Redis is away. A process without a client imports nothing of it (13 MB)."""
    _REDIS_AWAY.update(errors)


def translate(exc: BaseException) -> RpcError | None:
    """The rpc error that stands for `exc`, or None where it is a surprise (INTERNAL)."""
    if isinstance(exc, aiodtm.BranchRefused):
        return Refused(exc.short, short=exc.short)
    if isinstance(exc, aiodtm.BranchRunning):
        return StillRunning(str(exc))
    if isinstance(exc, (sa.SQLAlchemyError, aiodtm.CommitUnknown)) and is_passing(exc):
        return _told("MySQL did not answer", exc, _DATABASE)
    if isinstance(exc, tuple(_REDIS_AWAY)):
        return _told("Redis did not answer", exc, _STORE)
    if isinstance(exc, _DTM_AWAY):
        return _told("DTM did not answer", exc, _PART)
    if isinstance(exc, (ConnectionError, TimeoutError, aiodtm.BarrierInterrupted)):
        return _told("a part did not answer", exc, _PART)
    return None


class _Told:
    """When each kind of trouble was told last, and how often it has come since: under load it comes with every call."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def tell(self, event: str, exc: BaseException) -> None:
        now = time.monotonic()
        if now < self._next.get(event, 0.0):
            self._untold[event] = self._untold.get(event, 0) + 1
            return
        self._next[event] = now + TELL_AGAIN_SECONDS
        log.warning(event, why=describe(exc), before=self._untold.pop(event, 0))


_trouble = _Told()


def _told(event: str, exc: BaseException, message: str) -> Unavailable:
    _trouble.tell(event, exc)
    return Unavailable(message)
