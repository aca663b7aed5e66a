"""An asyncio client of the DTM server (v1.19): sagas, two-phase messages, and barriers for their branches.

aiodtm.mysql holds the barrier on MySQL (extra "mysql"), aiodtm.redis the one on Redis (extra "redis"),
aiodtm.testing a DTM in memory for unit tests.
"""

from aiodtm.barrier import Barrier
from aiodtm.dtm import Dtm, open_dtm
from aiodtm.errors import (
    AiodtmError,
    BarrierInterrupted,
    BranchRefused,
    BranchRunning,
    CommitUnknown,
    DtmAborted,
    DtmFailure,
    DtmNotReached,
    DtmTimeout,
    DtmUnavailable,
    InvalidTransaction,
    KeysApart,
    NotABranch,
    OptionsTooLarge,
    PayloadTooLarge,
    UndoRefused,
    branch_status,
)
from aiodtm.gid import random_gid
from aiodtm.message import Message
from aiodtm.outcome import BranchState, Outcome, Transaction
from aiodtm.redis import RedisBarrier, RedisOutcome
from aiodtm.saga import Saga, Step
from aiodtm.shield import drained

__all__ = [
    "AiodtmError",
    "Barrier",
    "BarrierInterrupted",
    "BranchRefused",
    "BranchRunning",
    "BranchState",
    "CommitUnknown",
    "Dtm",
    "DtmAborted",
    "DtmFailure",
    "DtmNotReached",
    "DtmTimeout",
    "DtmUnavailable",
    "InvalidTransaction",
    "KeysApart",
    "Message",
    "NotABranch",
    "OptionsTooLarge",
    "Outcome",
    "PayloadTooLarge",
    "RedisBarrier",
    "RedisOutcome",
    "Saga",
    "Step",
    "Transaction",
    "UndoRefused",
    "branch_status",
    "drained",
    "open_dtm",
    "random_gid",
]
