"""Calls that DTM makes: how they are recognised, and what DTM gets to see of an error.

Over gRPC a branch is named in metadata ("dtm-gid", ...), over HTTP in the query (gid, branch_id, op, trans_type).
"""

from collections.abc import Mapping
from typing import Final

from protoc_gen_fastapi.runtime import Call, Refused, RpcError, error_class

PREFIX: Final = "dtm-"
# DTM keeps 1,024 bytes of a refusal's text.
MAX_MESSAGE: Final = 400
_GID: Final = PREFIX + "gid"
_QUERY: Final = ("gid", "branch_id", "op", "trans_type")


def is_branch(call: Call) -> bool:
    """True when DTM makes this call."""
    return _GID in call.metadata


def is_undo(call: Call) -> bool:
    """True when DTM asks to undo what a branch did."""
    return call.metadata.get("dtm-op") == "compensate" and is_branch(call)


def is_branch_query(query: Mapping[str, str]) -> bool:
    """True when DTM calls over HTTP: it always sends both names, and no one else has a reason to."""
    return "gid" in query and "trans_type" in query


def name_branch(metadata: dict[str, str], query: Mapping[str, str]) -> None:
    """Gives a branch over HTTP the metadata that it would have over gRPC."""
    metadata.update({PREFIX + name: query[name] for name in _QUERY if name in query})


def forget_branch(metadata: dict[str, str]) -> None:
    """Drops what names a branch, where whoever sends it is not DTM."""
    for key in [key for key in metadata if key.startswith(PREFIX)]:
        del metadata[key]


def without_names(query: Mapping[str, str]) -> dict[str, str]:
    """The query without DTM's own parameters: a field may have the same name."""
    return {name: value for name, value in query.items() if name not in _QUERY}


def told_to_dtm(error: RpcError) -> RpcError:
    """What DTM gets to see. It repeats a branch for ever on every status but ABORTED."""
    kind = Refused if error.final else error_class(error.status, error.code)
    return kind(error.message[:MAX_MESSAGE], code=error.code, short=error.short)
