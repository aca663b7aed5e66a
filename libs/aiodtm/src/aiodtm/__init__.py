"""An asyncio client of the DTM server (v1.19): sagas, two-phase messages, and barriers for their branches.

aiodtm.mysql holds the barrier on MySQL (extra "mysql"), aiodtm.redis the one on Redis (extra "redis"),
aiodtm.testing a DTM in memory for unit tests. These four are the public modules.
"""

from aiodtm._barrier import Barrier
from aiodtm._dtm import Dtm, open_dtm
from aiodtm._errors import (
    AiodtmError,
    BarrierInterrupted,
    BarrierPassed,
    BranchRefused,
    BranchRunning,
    CommitUnknown,
    DtmAborted,
    DtmFailure,
    DtmNotReached,
    DtmTimeout,
    DtmUnavailable,
    GidConflict,
    InvalidTransaction,
    KeysApart,
    NotABranch,
    NotOneTransaction,
    OptionsTooLarge,
    PayloadTooLarge,
    UndoRefused,
    branch_status,
)
from aiodtm._gid import MOST_SUFFIX, random_gid
from aiodtm._message import Message
from aiodtm._outcome import BranchState, Outcome, Status, Transaction
from aiodtm._saga import RETRY_INTERVAL, Saga, Step
from aiodtm._shield import drained, shielded
from aiodtm.redis import RedisBarrier, RedisOutcome

__all__ = [
    "MOST_SUFFIX",
    "RETRY_INTERVAL",
    "AiodtmError",
    "Barrier",
    "BarrierInterrupted",
    "BarrierPassed",
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
    "GidConflict",
    "InvalidTransaction",
    "KeysApart",
    "Message",
    "NotABranch",
    "NotOneTransaction",
    "OptionsTooLarge",
    "Outcome",
    "PayloadTooLarge",
    "RedisBarrier",
    "RedisOutcome",
    "Saga",
    "Status",
    "Step",
    "Transaction",
    "UndoRefused",
    "branch_status",
    "drained",
    "open_dtm",
    "random_gid",
    "shielded",
]
