"""The barrier on Redis: a stored outcome in the same Lua call as the business's own writes.

The script (lua/guard.lua says what it must look like) runs once for each operation of each branch, whatever
DTM repeats or mixes up; every repetition gets the outcome that the first call had. One call of `once` is one
round trip (EVALSHA; two more after Redis has lost its scripts).

redis-py must not repeat commands by itself: give the client `retry=Retry(NoBackoff(), 0)`. The barrier would
answer such a repetition rightly, but by default redis-py goes on for up to ten attempts, long after DTM and
the buyer have gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha1
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, cast

from aiodtm._barrier import FIRST_PART, Barrier
from aiodtm._errors import KeysApart

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.exceptions import ResponseError

    RedisClient = Redis

__all__ = ["SEVEN_DAYS", "Argument", "Guarded", "RedisBarrier", "RedisOutcome", "State", "once_each", "stored_each"]

SEVEN_DAYS = 7 * 24 * 3600
State = Literal["ok", "refused", "undone", "empty"]
Argument = str | bytes | int | float

_LUA = files("aiodtm").joinpath("lua")


@dataclass(frozen=True)
class RedisOutcome:
    """What became of an operation.

    ok, refused: as business said. undone: this action comes after its undo, or after a check-back that found
    nothing. empty: this undo had nothing to undo. `repeated`: an earlier call decided this.
    """

    state: State
    result: str
    repeated: bool

    @property
    def ok(self) -> bool:
        return self.state == "ok"


@dataclass(frozen=True)
class RedisBarrier:
    """A barrier whose outcomes lie beside the business's keys.

    `slot` is the prefix of its keys and holds their hash tag, as in "flash:{7}"; every key given to `once`
    has to carry the same tag. `ttl` is in seconds: at least as long as DTM keeps the transaction (7 days by
    default), for an undo that finds the outcome of its action expired takes it for one that never ran.
    """

    barrier: Barrier
    slot: str
    ttl: int = SEVEN_DAYS

    def __post_init__(self) -> None:
        if not _tag(self.slot):
            raise KeysApart(f'the slot {self.slot!r} has no hash tag, as "flash:{{7}}" has')

    async def once(
        self, redis: "RedisClient", script: str, keys: Sequence[str] = (), args: Sequence[Argument] = ()
    ) -> RedisOutcome:
        """Runs the function `business` of `script` once. Raises redis-py's errors; after one, call again.

        A second script in one call is a repetition to the barrier (`repeated`), unless it has a part of its own:
        `RedisBarrier(barrier.part("02"), slot)`.

        An undo gives business the result of its action as third argument, and does not run it when the action
        never ran or had refused (state "empty").
        """
        [outcome] = await once_each(redis, script, [Guarded(self, keys, args)])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def query_prepared(self, redis: "RedisClient") -> RedisOutcome:
        """Answers a message's check-back: "ok" or "refused" as the sender's script ended.

        Without an outcome it is "undone", from now on: a sender that comes later gets that answer too.
        """
        sender = replace(self, barrier=Barrier.of_message(self.barrier.gid))
        [outcome] = await _run(redis, _check_back(), [([sender._action_key()], [self.ttl])])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def stored(self, redis: "RedisClient") -> RedisOutcome | None:
        """The outcome of this operation, or None when there is none (yet). Changes nothing."""
        [outcome] = await stored_each(redis, [self])
        return outcome

    def own_key(self) -> str:
        """The key of this operation's outcome."""
        return self._undo_key() if self.barrier.undoes else self._action_key()

    def call_of(self, keys: Sequence[str], args: Sequence[Argument]) -> "tuple[list[str], list[Argument]]":
        """(KEYS, ARGV) of the guarded script. Raises KeysApart."""
        tag = _tag(self.slot)
        if apart := [key for key in keys if _tag(key) != tag]:
            raise KeysApart(f"{apart[0]!r} lacks the tag {{{tag}}}")
        mode = "undo" if self.barrier.undoes else "do"
        return [self._action_key(), self._undo_key(), *keys], [mode, self.ttl, *args]

    def _action_key(self) -> str:
        action = self.barrier.undoes or self.barrier.op
        part = "" if self.barrier.barrier_id == FIRST_PART else f":{self.barrier.barrier_id}"
        return f"{self.slot}:barrier:{self.barrier.gid}:{self.barrier.branch_id}:{action}{part}"

    def _undo_key(self) -> str:
        return f"{self._action_key()}:undo"


@dataclass(frozen=True)
class Guarded:
    """One call of a script under its barrier, for `once_each`."""

    barrier: RedisBarrier
    keys: Sequence[str]
    args: Sequence[Argument]


async def once_each(
    redis: "RedisClient", script: str, calls: Sequence[Guarded]
) -> "list[RedisOutcome | ResponseError]":
    """`once` for each of these, in one round trip. They may lie in several slots: each is atomic, not all together.

    A script that raised has its error in the place of its outcome; the others ran all the same. Raises redis-py's
    errors of connection; after one, call again.
    """
    return await _run(redis, _guarded(script), [call.barrier.call_of(call.keys, call.args) for call in calls])


async def stored_each(redis: "RedisClient", barriers: Sequence[RedisBarrier]) -> list[RedisOutcome | None]:
    """`stored` for each of these, in one round trip."""
    keys = [barrier.own_key() for barrier in barriers]
    if len(keys) == 1:
        return [_found(await cast("Any", redis).get(keys[0]))]
    pipe = cast("Any", redis).pipeline(transaction=False)
    for key in keys:
        pipe.get(key)
    return [_found(answer) for answer in await pipe.execute()]


def _found(answer: str | bytes | None) -> RedisOutcome | None:
    if answer is None:
        return None
    state, _, result = _text(answer).partition(":")
    return RedisOutcome(cast("State", state), result, repeated=True)


def _tag(key: str) -> str:
    """Redis Cluster's hash tag: what is between the first "{" and the next "}"; "" without one."""
    return key.partition("{")[2].partition("}")[0] if "}" in key else ""


@lru_cache(maxsize=64)
def _guarded(script: str) -> str:
    return f"{script}\n{_LUA.joinpath('guard.lua').read_text('utf-8')}"


@lru_cache(maxsize=1)
def _check_back() -> str:
    return _LUA.joinpath("check_back.lua").read_text("utf-8")


@lru_cache(maxsize=64)
def _sha(script: str) -> str:
    return sha1(script.encode(), usedforsecurity=False).hexdigest()  # the name that Redis gives it


async def _run(
    redis: "RedisClient", script: str, calls: "Sequence[tuple[list[str], list[Argument]]]"
) -> "list[RedisOutcome | ResponseError]":
    """Runs a script once for each (KEYS, ARGV); those for which Redis did not know it ran nothing, and run again."""
    from redis.exceptions import NoScriptError, ResponseError

    answers = await _evalsha(redis, script, calls)
    unknown = [n for n, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if unknown:
        await cast("Any", redis).script_load(script)
        for n, answer in zip(unknown, await _evalsha(redis, script, [calls[n] for n in unknown]), strict=True):
            answers[n] = answer
    return [answer if isinstance(answer, ResponseError) else _outcome(*answer) for answer in answers]


async def _evalsha(redis: "RedisClient", script: str, calls: "Sequence[tuple[list[str], list[Argument]]]") -> list[Any]:
    """The answer or the ResponseError of each call."""
    from redis.exceptions import ResponseError

    client = cast("Any", redis)
    if len(calls) == 1:
        keys, args = calls[0]
        try:
            return [await client.evalsha(_sha(script), len(keys), *keys, *args)]
        except ResponseError as error:
            return [error]
    pipe = client.pipeline(transaction=False)
    for keys, args in calls:
        pipe.evalsha(_sha(script), len(keys), *keys, *args)
    answers = await pipe.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, ResponseError):
            raise answer
    return answers


def _outcome(state: str | bytes, result: str | bytes, repeated: int) -> RedisOutcome:
    return RedisOutcome(cast("State", _text(state)), _text(result), bool(repeated))


def _text(answer: str | bytes) -> str:
    return answer.decode() if isinstance(answer, bytes) else answer
