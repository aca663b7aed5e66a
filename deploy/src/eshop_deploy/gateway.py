"""The suite as a buyer's browser sees it: JSON over HTTP at the gateway's public port."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from eshop_deploy.failures import BringUpError

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """The envelope {"code", "msg", "data"} and the HTTP status it came with."""

    status: int
    code: int
    msg: str
    data: Json

    @property
    def ok(self) -> bool:
        return self.status == 200 and self.code == 0


class Gateway:
    """Calls by method and path; every failure to get an envelope is told in one line."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    def call(self, method: str, path: str, body: Json | None = None) -> Answer:
        payload = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"}
        link = http.client.HTTPConnection(self._host, self._port, timeout=30)
        with contextlib.closing(link):
            try:
                link.request(method, path, payload, headers)
                reply = link.getresponse()
                return _answer(reply.status, reply.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                where = f"{method} http://{self._host}:{self._port}{path}"
                raise BringUpError(f"{where} failed: {error}", "See: eshop status, eshop logs gw") from error

    def must(self, method: str, path: str, body: Json | None = None) -> Json:
        """The data of an answer that has to be good."""
        answer = self.call(method, path, body)
        if not answer.ok:
            told = f"{method} {path} answered {answer.status}, code {answer.code}: {answer.msg}"
            raise BringUpError(told, "See: eshop status, eshop logs gw")
        return answer.data

    def page(self, resource: str, page: int, limit: int) -> tuple[int, list[Json]]:
        """How many rows a resource has, and one page of them, newest first."""
        data = self.must("GET", f"/api/v1/{resource}/list?page={page}&limit={limit}")
        return int(data["total"]), data[f"{resource}s"]


def _answer(status: int, body: bytes) -> Answer:
    envelope: Any = json.loads(body)
    if not isinstance(envelope, dict) or "code" not in envelope:
        raise ValueError(f"HTTP {status} and no envelope: {body[:120]!r}")
    return _from_envelope(status, cast("Json", envelope))


def _from_envelope(status: int, envelope: Json) -> Answer:
    return Answer(status, int(envelope["code"]), str(envelope.get("msg", "")), envelope.get("data") or {})
