"""The identity of a branch call: what its barrier's row is written under."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aiodtm._errors import InvalidTransaction, NotABranch

# An undo and what it takes back: sagas, TCC, and workflows.
_UNDOES = {"compensate": "action", "cancel": "try", "rollback": "action"}
_UNDO = {("saga", "action"): "compensate", ("tcc", "try"): "cancel", ("workflow", "action"): "rollback"}
_OPS = {"action", "try", "confirm", "commit", "msg", *_UNDOES}

_SHAPES = {
    "dtm-gid": re.compile(r"[0-9A-Za-z_-]{1,128}"),
    "dtm-trans_type": re.compile(r"saga|msg|tcc|xa|workflow"),
    "dtm-branch_id": re.compile(r"[0-9-]{1,20}"),
    "dtm-op": re.compile("|".join(sorted(_OPS))),
}
FIRST_PART = "01"
_PART = re.compile(r"[0-9A-Za-z_-]{1,45}")


@dataclass(frozen=True)
class Barrier:
    """Which operation of which branch of which transaction a call is. Equal for every repetition of the call.

    `barrier_id` names a part of the branch, see `part`. Make one object for each call: in `passed` stores note the
    parts that this very call has been through, which tells a second `once` in one call from a repetition by DTM.
    """

    gid: str
    trans_type: str
    branch_id: str
    op: str
    barrier_id: str = FIRST_PART
    passed: set[str] = field(default_factory=set[str], repr=False, compare=False)

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "Barrier":
        """Out of a call's dtm-gid, dtm-trans_type, dtm-branch_id and dtm-op. Raises NotABranch naming the key."""
        for key, shape in _SHAPES.items():
            value = metadata.get(key, "")
            if not value:
                raise NotABranch(f"{key} is missing")
            if not shape.fullmatch(value):
                raise NotABranch(f"{key} is {value[:80]!r}")
        gid, trans_type, branch_id, op = (metadata[key] for key in _SHAPES)
        return cls(gid, trans_type, branch_id, op)

    @classmethod
    def of_message(cls, gid: str) -> "Barrier":
        """The barrier of a two-phase message's local transaction, which its check-back looks for."""
        return cls(gid, "msg", "00", "msg")

    def part(self, barrier_id: str) -> "Barrier":
        """The same call's barrier for another piece of its work, with a row of its own.

        DTM's clients call the parts of a branch "01", "02", ...; an undo takes the same parts back. Raises
        InvalidTransaction for a name that is not 1 to 45 of [0-9A-Za-z_-].
        """
        if not _PART.fullmatch(barrier_id):
            raise InvalidTransaction(f"a part of a branch is named like '02', not {barrier_id!r}")
        return replace(self, barrier_id=barrier_id)  # it shares `passed`: both stand for one call

    @property
    def undoes(self) -> str | None:
        """The op that this one takes back, or None when it is not an undo."""
        return _UNDOES.get(self.op)

    @property
    def undone_by(self) -> str | None:
        """The op that takes this one back, or None when there is none."""
        return _UNDO.get((self.trans_type, self.op))
