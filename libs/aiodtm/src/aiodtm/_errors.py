"""Every error of this library. The docstring of a class is its message; what is special to one case follows
it.
"""

# ruff: noqa: N818 - the names say what is the case: BranchRefused, NotABranch

import inspect

import grpc


class AiodtmError(Exception):
    """aiodtm failed"""

    def __init__(self, detail: str = "") -> None:
        summary = inspect.cleandoc(type(self).__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        super().__init__(f"{summary}: {detail}" if detail else summary)
        self.detail = detail


# What a branch answers to DTM.


class BranchRefused(AiodtmError):
    """this branch refuses, and its answer is final

    `short` is a short code such as "OUT_OF_STOCK" (at most 37 characters are kept by the MySQL barrier). Over
    gRPC a branch answers ABORTED with it; DTM then undoes the saga. In a branch of a message DTM retries for
    ever: don't.
    """

    def __init__(self, short: str = "refused") -> None:
        super().__init__(short)
        self.short = short


class BranchRunning(AiodtmError):
    """this branch is still running; DTM asks again after the retry interval"""


# What a call to DTM comes to.


class DtmUnavailable(AiodtmError):
    """DTM does not answer, or its answer was lost: whether it acted is not known"""


class DtmNotReached(DtmUnavailable):
    """no connection to DTM: the call was never sent"""


class DtmTimeout(DtmUnavailable):
    """DTM did not answer in time: it may still be at it"""


class DtmAborted(AiodtmError):
    """DTM answered ABORTED

    This does not mean that the transaction failed: ask for its status. `detail` is DTM's text.
    """


class DtmFailure(AiodtmError):
    """DTM answered with an error of its own"""


class GidConflict(AiodtmError):
    """DTM has another transaction under this gid

    It differs in its type, in the letter case of its gid, or in a step: what is called there, or the payload.
    Nothing of what was to be submitted has been called or will be. DTM on MySQL takes gids that differ in letter case
    for one.
    """


# What a caller got wrong. Nothing was sent.


class InvalidTransaction(AiodtmError, ValueError):
    """DTM could not store or run this transaction"""


class PayloadTooLarge(InvalidTransaction):
    """the payload of a step is larger than the 65,535 bytes that DTM stores in MySQL"""


class OptionsTooLarge(InvalidTransaction):
    """headers and options, or custom data, are longer than the 1,024 characters that DTM stores in MySQL"""


# What a barrier can run into.


class NotABranch(AiodtmError, ValueError):
    """this call does not come from DTM"""


class UndoRefused(AiodtmError):
    """an undo may not refuse: DTM repeats it until it succeeds"""


class KeysApart(AiodtmError, ValueError):
    """the keys of one script must lie in one hash slot"""


class CommitUnknown(AiodtmError):
    """the connection was lost in COMMIT: the transaction was committed as a whole or not at all

    Answer DTM with any error but a refusal: it asks again, and the barrier then finds the row or runs the
    work.
    """


class BarrierPassed(AiodtmError):
    """this call has been through its barrier already

    A second piece of work in one call needs a part of its own: `barrier.part("02")`.
    """


class NotOneTransaction(AiodtmError):
    """the barrier's row and the work were not committed as one transaction

    The engine commits each statement (AUTOCOMMIT; nothing was written then), or `work` committed or rolled back by
    itself. So did a statement that MySQL commits by itself, such as CREATE TABLE.
    """


class BarrierInterrupted(AiodtmError):
    """the row that another attempt wrote has gone again; DTM has to ask once more"""


def branch_status(error: BaseException) -> tuple[grpc.StatusCode, str]:
    """How a gRPC branch tells DTM of `error`: code and details (at most 200 characters).

    ABORTED: refused, DTM undoes. FAILED_PRECONDITION: DTM polls again. INTERNAL: DTM retries with growing
    pauses.
    """
    if isinstance(error, BranchRefused):
        return grpc.StatusCode.ABORTED, error.short[:200]
    if isinstance(error, BranchRunning):
        return grpc.StatusCode.FAILED_PRECONDITION, error.detail[:200]
    return grpc.StatusCode.INTERNAL, repr(error)[:200]
