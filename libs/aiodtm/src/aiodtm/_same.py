"""Whether what DTM has under a gid is what is to be submitted."""

import json

from aiodtm._errors import GidConflict
from aiodtm._outcome import Transaction
from aiodtm._wire.dtm_pb2 import Request

_TOPIC = "topic://"


def refuse_another(found: Transaction | None, request: Request) -> None:
    """Raises GidConflict when `found` is another transaction than `request`. None is no conflict."""
    if found is not None and (difference := _difference(found, request)):
        raise GidConflict(difference)


def _difference(found: Transaction, request: Request) -> str:
    if found.gid != request.Gid:
        return f"{found.gid!r} differs in letter case from {request.Gid!r}"
    if found.trans_type != request.TransType:
        return f"{found.gid} is a {found.trans_type}, not a {request.TransType}"
    return _step_that_differs(found, request) if found.branches else ""  # cleaned up, and nothing is left to compare


def _step_that_differs(found: Transaction, request: Request) -> str:
    """By the actions: their undos are given by them, and of a message there are none."""
    theirs = [branch for branch in found.branches if branch.op == "action"]
    ours = list(zip((step["action"] for step in json.loads(request.Steps)), request.BinPayloads, strict=True))
    if any(action.startswith(_TOPIC) for action, _ in ours):
        return ""  # DTM has put the topic's subscribers in its place
    if len(theirs) != len(ours):
        return f"{found.gid} has {len(theirs)} steps, not {len(ours)}"
    for branch, (action, payload) in zip(sorted(theirs, key=lambda b: b.branch_id), ours, strict=True):
        if not _same_call(branch.url, action):
            return f"step {branch.branch_id} of {found.gid} calls {branch.url}, not {action}"
        if branch.payload != payload:
            return f"step {branch.branch_id} of {found.gid} has another payload"
    return ""


def _same_call(one: str, other: str) -> bool:
    """The host may differ: a saga that is submitted again may come from a release with other addresses."""
    return one.partition("/")[2] == other.partition("/")[2]
