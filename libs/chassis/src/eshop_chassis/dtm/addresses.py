"""Addresses of branches, what travels to them, and whether DTM answers."""

from collections.abc import Callable
from typing import Any

from aiodtm import Dtm, DtmFailure, DtmUnavailable
from eshop_chassis.readiness import MissingError, describe
from protoc_gen_fastapi.runtime import Call, rpc_path


def branch_url(address: str, method: Callable[..., Any]) -> str:
    """The address under which DTM calls `method`, a method of a generated API: "host:port/package.service/Rpc"."""
    return address + rpc_path(method)


def branch_headers(call: Call) -> dict[str, str]:
    """What travels from this call to every branch that DTM calls on its behalf."""
    return {"x-request-id": call.request_id}


async def check_dtm(dtm: Dtm) -> None:
    """Raises while DTM does not answer."""
    try:
        await dtm.new_gid()
    except (DtmUnavailable, DtmFailure) as error:
        raise MissingError(f"{describe(error)}; see the settings ESHOP_DTM_...") from error
