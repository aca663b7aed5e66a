"""The chassis's answers to what the generated transports ask: metrics, logs, how errors are mapped and worded."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from eshop_chassis import dtm_calls, metrics
from eshop_chassis.logs import get_logger
from eshop_chassis.readiness import describe
from eshop_chassis.settings import ServiceSettings
from eshop_chassis.vocabulary import Vocabulary
from protoc_gen_fastapi.runtime import Call, Hooks, InvalidArgument, RpcError, Unavailable, reworded

log = get_logger(__name__)
TELL_AGAIN_SECONDS = 1.0
PART_IS_AWAY: Final = "a part of the shop does not answer; try again"
Translation = Callable[[Any], RpcError | None]
F = TypeVar("F", bound=Translation)
_translations: dict[type[BaseException], Translation] = {}


class ChassisHooks(Hooks):
    """Measures every rpc, logs what went wrong inside, knows DTM's calls, translates foreign errors, words all errors.

    Without a vocabulary every error keeps the code and the text that it was raised with.
    """

    branches: bool = True
    """False where no DTM calls, as on a gateway: metadata that names a branch is then dropped."""

    def __init__(self, settings: ServiceSettings, vocabulary: Vocabulary | None = None) -> None:
        self.max_body = settings.max_body_bytes
        self.default_timeout = settings.request_timeout
        self.vocabulary = vocabulary

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

    def worded(self, error: RpcError, call: Call) -> RpcError:
        """With the envelope code that its short code stands for, and in the caller's language."""
        words = self.vocabulary
        if words is None:
            return error
        code = words.code_of(error.short) if error.short else None
        text = words.text_in(call.prefers(words.languages), error.message)
        if (code is None or code == error.code) and text == error.message:
            return error
        return reworded(error, text, error.code if code is None else code)


def translates(*kinds: type[BaseException]) -> Callable[[F], F]:
    """Registers a function that turns errors of these kinds into the rpc errors that stand for them.

    The folder that can raise such an error registers it, so that this module imports no store's client. The function
    returns None for an error that is a bug; an error of several registered kinds goes to the most specific first.
    """

    def register(translation: F) -> F:
        _translations.update(dict.fromkeys(kinds, translation))
        return translation

    return register


def translate(exc: BaseException) -> RpcError | None:
    """The rpc error that stands for `exc`, or None where it is a surprise (INTERNAL)."""
    for kind in type(exc).__mro__:
        translation = _translations.get(kind)
        if translation is not None and (error := translation(exc)) is not None:
            return error
    return None


def away(event: str, exc: BaseException, message: str = PART_IS_AWAY) -> Unavailable:
    """The answer where a part does not answer. Logs `event`, once a second at most."""
    _trouble.tell(event, exc)
    return Unavailable(message)


@translates(ConnectionError, TimeoutError)
def _some_part(exc: Exception) -> RpcError:
    return away("a part did not answer", exc)


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
