"""Requests to DTM, checked before they are sent: what its columns in MySQL cannot hold makes it panic."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from google.protobuf.message import Message as ProtobufMessage

from aiodtm._errors import InvalidTransaction, OptionsTooLarge, PayloadTooLarge
from aiodtm._gid import checked_gid
from aiodtm._wire.dtm_pb2 import Options, Request

MAX_PAYLOAD = 65_535  # bytes: trans_branch_op.bin_data is a BLOB
MAX_TEXT = 1_024  # characters: trans_global.options, .custom_data, .query_prepared and trans_branch_op.url

Payload = ProtobufMessage | bytes

_HEADER_NAME = re.compile(r"[0-9a-z_.-]+")
_HEADER_VALUE = re.compile(r"[ -~]*")


@dataclass
class Draft:
    """A transaction while it is being written down. `steps` are DTM's: {"action": url, "compensate": url}."""

    gid: str
    trans_type: str
    retry_interval: int
    headers: Mapping[str, str]
    timeout_to_fail: int = 0
    query_prepared: str = ""
    request_timeout: int = 0
    steps: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    payloads: list[bytes] = field(default_factory=list[bytes])

    def add(self, step: dict[str, str], payload: Payload) -> None:
        data = _bytes_of(payload)
        if len(data) > MAX_PAYLOAD:
            raise PayloadTooLarge(f"{step['action']} has {len(data):,} bytes; send fewer items at a time")
        checked_url(step["action"])
        if undo := step.get("compensate"):
            checked_url(undo)
        self.steps.append(step)
        self.payloads.append(data)

    def request(self, custom: Mapping[str, object] | None, *, wait: bool) -> Request:
        """The request, with its sizes checked. Raises InvalidTransaction."""
        if not self.steps or len(self.steps) > 99:
            raise InvalidTransaction(f"a transaction has 1 to 99 steps, not {len(self.steps)}")
        custom_data = json.dumps(custom, separators=(",", ":")) if custom else ""
        for text in (self._options_json(), custom_data):
            if len(text) > MAX_TEXT:
                raise OptionsTooLarge(f"{len(text):,} characters: {text[:80]}...")
        return Request(
            Gid=checked_gid(self.gid),
            TransType=self.trans_type,
            TransOptions=Options(
                WaitResult=wait,
                TimeoutToFail=self.timeout_to_fail,
                RetryInterval=self.retry_interval,
                BranchHeaders=self.headers,
                RequestTimeout=self.request_timeout,
            ),
            CustomedData=custom_data,
            BinPayloads=self.payloads,
            QueryPrepared=self.query_prepared,
            Steps=json.dumps(self.steps, separators=(",", ":")),
        )

    def _options_json(self) -> str:
        """The options as DTM stores them, or a little longer."""
        options = {
            "wait_result": True,
            "timeout_to_fail": self.timeout_to_fail,
            "retry_interval": self.retry_interval,
            "request_timeout": self.request_timeout,
            "branch_headers": dict(self.headers),
            "concurrent": False,
        }
        text = json.dumps(options, separators=(",", ":"), ensure_ascii=False)
        return re.sub("[<>&]", r"\\u0000", text)  # Go's encoder writes these three as six characters


def _bytes_of(payload: object) -> bytes:
    if isinstance(payload, ProtobufMessage):
        return payload.SerializeToString()
    if isinstance(payload, bytes):
        return payload
    raise InvalidTransaction(
        f"a payload is a protobuf message or bytes, such as json.dumps(...).encode(), not {type(payload).__name__}"
    )


def checked_seconds(name: str, seconds: int, *, least: int = 1) -> int:
    """`seconds`, or InvalidTransaction when it is no whole number, or less than `least`."""
    if not isinstance(cast("object", seconds), int) or seconds < least:
        raise InvalidTransaction(f"{name} is a whole number of seconds, {least} or more, not {seconds!r}")
    return seconds


def checked_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Branch headers that gRPC can carry: lower-case names, printable ASCII values, none of DTM's own."""
    found = dict(headers or {})
    for name, value in found.items():
        if not _HEADER_NAME.fullmatch(name) or name.endswith("-bin") or name.startswith(("dtm-", "grpc-")):
            raise InvalidTransaction(f"{name!r} cannot be the name of a branch header")
        if not _HEADER_VALUE.fullmatch(value):
            raise InvalidTransaction(f"the branch header {name!r} holds more than printable ASCII")
    return found


def checked_url(url: str) -> str:
    """The address of a branch, or InvalidTransaction."""
    # "host:port/package.service/Rpc" or "dns:host:port/...": DTM splits at the first "/", "dns:///" ends as nonsense.
    if "/" not in url or ":///" in url or len(url) > MAX_TEXT:
        raise InvalidTransaction(f'a branch\'s address is "host:port/package.service/Rpc", not {url[:200]!r}')
    return url
