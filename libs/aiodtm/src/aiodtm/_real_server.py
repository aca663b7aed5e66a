"""The real DTM behind the calls of `DtmServer`: gRPC to submit, HTTP to ask (there is no gRPC call for it).

httpx is the HTTP client: pure Python, and no call of it is on the path of a transaction that goes through. It is
imported with this module only, by processes that talk to DTM: it takes 4 MB, barriers need none of it.
"""

import base64
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
import grpc.aio
import httpx
from google.protobuf.empty_pb2 import Empty

from aiodtm._errors import DtmAborted, DtmFailure, DtmNotReached, DtmTimeout, DtmUnavailable
from aiodtm._outcome import BranchState, Transaction
from aiodtm._server import Wanted
from aiodtm._wire.dtm_pb2 import NewGidReply, Request

# What grpcio's core says of a call that broke off on the way.
_BROKEN_STREAM = re.compile("RST_STREAM|Stream removed|GOAWAY|[Tt]ransport|[Ss]ocket")


def http_client(address: str) -> httpx.AsyncClient:
    """The client that `RealDtm` asks with, which the caller closes."""
    return httpx.AsyncClient(base_url=f"http://{address}", trust_env=False)


class RealDtm:
    """DTM v1.19.0 over one gRPC channel and one HTTP client, which the caller closes."""

    def __init__(self, channel: grpc.aio.Channel, http: httpx.AsyncClient) -> None:
        self._http = http
        self._submit = _method(channel, "Submit")
        self._prepare = _method(channel, "Prepare")
        self._abort = _method(channel, "Abort")
        self._new_gid = channel.unary_unary("/dtmgimp.Dtm/NewGid", Empty.SerializeToString, NewGidReply.FromString)

    async def new_gid(self, limit: float) -> str:
        return (await _answer(self._new_gid, Empty(), limit)).Gid

    async def submit(self, request: Request, limit: float) -> None:
        await _answer(self._submit, request, limit)

    async def prepare(self, request: Request, limit: float) -> None:
        await _answer(self._prepare, request, limit)

    async def abort(self, request: Request, limit: float) -> None:
        await _answer(self._abort, request, limit)

    async def query(self, gid: str, limit: float) -> Transaction | None:
        found = await self._get("query", {"gid": gid}, limit)
        with _understood("query"):
            return _transaction(found["transaction"], found["branches"]) if found["transaction"] else None

    async def page(self, wanted: Wanted, position: str, limit: float) -> tuple[list[Transaction], str]:
        params = {"position": position, "limit": str(wanted.page)}
        params |= {"status": wanted.status or "", "transType": wanted.trans_type or ""}
        found = await self._get("all", params, limit)
        with _understood("all"):
            return [_transaction(row, ()) for row in found["transactions"] or ()], found["next_position"]

    async def force_stop(self, gid: str, limit: float) -> None:
        await self._ask("POST", "forceStop", limit, json={"gid": gid})

    async def reset_cron_time(self, young: int, limit: float) -> bool:
        # Left out, `timeout` is a default of DTM's that suits nobody.
        found = await self._get("resetCronTime", {"timeout": str(young), "limit": "1000"}, limit)
        with _understood("resetCronTime"):
            return bool(found["has_remaining"])

    async def reset_next_cron_time(self, gid: str, limit: float) -> None:
        await self._ask("POST", "resetNextCronTime", limit, json={"gid": gid})

    async def _get(self, what: str, params: dict[str, str], limit: float) -> dict[str, Any]:
        answer = await self._ask("GET", what, limit, params=params)
        with _understood(what):
            return answer.json()

    async def _ask(self, verb: str, what: str, limit: float, **request: Any) -> httpx.Response:
        try:
            answer = await self._http.request(verb, f"/api/dtmsvr/{what}", timeout=limit, **request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise DtmNotReached(repr(error)) from error
        except httpx.TimeoutException as error:
            raise DtmTimeout(what) from error
        except httpx.TransportError as error:
            raise DtmUnavailable(repr(error)) from error
        if answer.status_code == 409:
            raise DtmAborted(f"{what}: {answer.text[:200]}")
        if answer.status_code != 200:
            raise DtmFailure(f"{what}: HTTP {answer.status_code} {answer.text[:200]}")
        return answer


def _method(channel: grpc.aio.Channel, name: str) -> Any:
    return channel.unary_unary(f"/dtmgimp.Dtm/{name}", Request.SerializeToString, Empty.FromString)


async def _answer(method: Any, request: Any, limit: float) -> Any:
    try:
        return await method(request, timeout=limit)
    except grpc.aio.AioRpcError as error:
        raise _translated(error) from error


def _translated(error: grpc.aio.AioRpcError) -> Exception:
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.ABORTED:
        return DtmAborted(details)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DtmTimeout(details)
    if code is grpc.StatusCode.UNAVAILABLE:
        # gRPC's words when it had no connection at all; every other UNAVAILABLE may come after DTM has read the call.
        return DtmNotReached(details) if details.startswith("failed to connect") else DtmUnavailable(details)
    # DTM says INTERNAL when it panics, with the text of its store for instance; gRPC when a stream breaks off.
    broken = code is grpc.StatusCode.INTERNAL and _BROKEN_STREAM.search(details)
    if code is grpc.StatusCode.CANCELLED or broken:
        return DtmUnavailable(details)
    return DtmFailure(f"{code.name}: {details}")


@contextmanager
def _understood(what: str) -> Generator[None]:
    """Whatever else listens at DTM's address, its answer is not DTM's."""
    try:
        yield
    except (ValueError, TypeError, LookupError) as error:
        raise DtmFailure(f"{what}: not an answer of DTM: {error!r}") from error


def _transaction(row: dict[str, Any], branches: Sequence[dict[str, Any]] | None) -> Transaction:
    return Transaction(
        gid=row["gid"],
        trans_type=row["trans_type"],
        status=row["status"],
        rollback_reason=row.get("rollback_reason", ""),
        query_prepared=row.get("query_prepared", ""),
        create_time=row.get("create_time", ""),
        branches=tuple(_branch(b) for b in branches or ()),
    )


def _branch(row: dict[str, Any]) -> BranchState:
    return BranchState(
        branch_id=row["branch_id"],
        op=row["op"],
        status=row["status"],
        url=row.get("url", ""),
        payload=base64.b64decode(row.get("bin_data") or ""),
    )
