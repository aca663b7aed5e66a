"""What DTM knows of a transaction."""

import re
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["prepared", "submitted", "aborting", "succeed", "failed"]


@dataclass(frozen=True)
class Outcome:
    """How far a transaction has come.

    succeed: every branch is done. failed: refused and everything undone (a message: aborted, nothing was
    delivered). running: DTM has it and will finish it. unknown: DTM could not be asked, or has not got it
    (yet). `reason` is the text of the branch that refused, or says why nothing is known; it may be "".
    `refused_by` is the address of that branch, "" where DTM does not tell it.
    """

    status: Literal["succeed", "failed", "running", "unknown"]
    reason: str = ""
    refused_by: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True)
class BranchState:
    """One operation of one branch as DTM stores it.

    A DTM that stores in MySQL writes `status` a moment late: it may still say "prepared" when the transaction
    is finished.
    """

    branch_id: str
    op: str  # "action" or "compensate"
    status: str  # "prepared", "succeed" or "failed"
    url: str
    payload: bytes


@dataclass(frozen=True)
class Transaction:
    """One transaction as DTM stores it. Of a saga every branch is there twice: first the undo, then the
    action.
    """

    gid: str
    trans_type: str  # "saga", "msg", "tcc", "xa" or "workflow"
    status: Status
    rollback_reason: str
    query_prepared: str
    create_time: str  # ISO 8601 with zone
    branches: tuple[BranchState, ...]

    @property
    def finished(self) -> bool:
        return self.status in ("succeed", "failed")

    @property
    def outcome(self) -> Outcome:
        if self.status == "succeed":
            return Outcome("succeed")
        url, reason = refusal(self.rollback_reason)
        return Outcome("failed" if self.status == "failed" else "running", reason, url)


_FRAME = re.compile(r"(?:url:(\S*) return failed: )?(.*?)(?: FAILURE)?", re.DOTALL)


def refusal(rollback_reason: str) -> tuple[str, str]:
    """The branch's address and what it answered, out of DTM's "url:<address> return failed: <answer> FAILURE"."""
    found = _FRAME.fullmatch(rollback_reason)
    return (found[1] or "", found[2]) if found else ("", rollback_reason)
