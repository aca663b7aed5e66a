"""I6: every DTM transaction ends, and one that failed is fully reverted.

The branches' writes, their barrier rows and the transactions of the DTM that stores in MySQL are in one snapshot. DTM
notes an end after the last branch has answered, and a branch answers after its commit: so the snapshot of a transaction
that ended holds all that its branches did, and for one that has not, the barrier rows tell exactly how far it came.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
import redis

from eshop_deploy.failures import BringUpError
from eshop_deploy.verify.findings import Finding, OnItsWay
from eshop_deploy.verify.scope import EVERYTHING, Scope
from eshop_deploy.verify.stores import Snapshot

UNFINISHED = ("prepared", "submitted", "aborting")
DTM_REDIS = "{a}"
# As many failed transactions are looked at, the newest; --deep looks at all.
NEWEST_FAILED = 100_000


@dataclass(frozen=True)
class Progress:
    """How far some transactions of DTM-MySQL had come: status by gid, and which services' branches are in effect."""

    status: Mapping[str, str]
    in_effect: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    def unfinished(self, gid: str) -> bool:
        return self.status.get(gid, "") in UNFINISHED

    def succeeded(self, gid: str) -> bool:
        return self.status.get(gid) == "succeed"


def progress(db: Snapshot, gids: Collection[str]) -> Progress:
    """The progress of these transactions; gids that DTM does not know are absent."""
    status = dict(db.among("SELECT gid, status FROM dtm.trans_global WHERE gid IN ({})", gids))
    open_ones = [gid for gid, state in status.items() if state in UNFINISHED]
    return Progress(status, _in_effect(db, open_ones))


def _in_effect(db: Snapshot, gids: Collection[str]) -> Mapping[str, frozenset[str]]:
    """The services whose action is done and not undone, by gid."""
    done = _branches_in_effect(db, gids)
    services: dict[str, set[str]] = defaultdict(set)
    sql = "SELECT gid, branch_id, url FROM dtm.trans_branch_op WHERE op = 'action' AND gid IN ({})"
    for gid, branch_id, url in db.among(sql, gids):
        if branch_id in done.get(gid, ()):
            services[gid].add(service_of(url))
    return {gid: frozenset(names) for gid, names in services.items()}


def _branches_in_effect(db: Snapshot, gids: Collection[str]) -> Mapping[str, set[str]]:
    done: dict[str, set[str]] = defaultdict(set)
    undone: dict[str, set[str]] = defaultdict(set)
    sql = "SELECT gid, branch_id, op, reason FROM dtm_barrier.barrier WHERE gid IN ({})"
    for gid, branch_id, op, reason in db.among(sql, gids):
        if op == "action" and reason == "action":
            done[gid].add(branch_id)
        elif op == "compensate":
            undone[gid].add(branch_id)
    return {gid: branches - undone[gid] for gid, branches in done.items()}


def service_of(url: str) -> str:
    """The service that a branch's address names: order, stock, coupon or pay; "" for any other."""
    path = url.partition("/")[2].removeprefix("/").lower()
    return next((name for name in ("stock", "coupon", "pay", "order") if name in path), "")


def unfinished_in_mysql(db: Snapshot, scope: Scope = EVERYTHING) -> list[OnItsWay]:
    """What DTM-MySQL has not ended."""
    sql = (
        "SELECT status, COUNT(*), MIN(gid), MIN(create_time) FROM dtm.trans_global"  # noqa: S608 - constants
        f" WHERE status IN (%s, %s, %s) AND {scope.by_gid('gid')} GROUP BY status"
    )
    return [
        OnItsWay(f"order transactions {status}", number, f"{gid}, the oldest since {since}")
        for status, number, gid, since in db.rows(sql, UNFINISHED)
    ]


def not_reverted(db: Snapshot, scope: Scope = EVERYTHING, *, deep: bool) -> Iterator[Finding]:
    """Failed transactions with a branch that was done and not undone."""
    newest = "" if deep else f" ORDER BY id DESC LIMIT {NEWEST_FAILED}"
    rows = db.rows(
        "SELECT g.gid, b.branch_id FROM"  # noqa: S608 - constants
        f" (SELECT gid FROM dtm.trans_global WHERE status = 'failed' AND {scope.by_gid('gid')}{newest}) g"
        # The barrier's own collation, or its index is of no use.
        " JOIN dtm_barrier.barrier b ON b.gid = g.gid AND b.op = 'action' AND b.reason = 'action'"
        " LEFT JOIN dtm_barrier.barrier c ON c.gid = b.gid AND c.branch_id = b.branch_id AND c.op = 'compensate'"
        " WHERE c.id IS NULL LIMIT 1000"
    )
    for gid, branch_id in rows:
        yield Finding("I6", "transaction", gid, f"failed, and its branch {branch_id} is not undone", (gid,))


@dataclass(frozen=True)
class Messages:
    """The messages that DTM-Redis has not ended, by gid: (status, time of its making)."""

    unfinished: Mapping[str, tuple[str, str]]

    def of_product(self, product: int) -> bool:
        """Whether one is about this product: the gid tells."""
        return any(str(product) in gid.split("-")[1:] for gid in self.unfinished)

    def on_their_way(self) -> list[OnItsWay]:
        if not self.unfinished:
            return []
        gid, (status, since) = min(self.unfinished.items(), key=lambda pair: pair[1][1])
        return [OnItsWay("flash-sale messages unfinished", len(self.unfinished), f"{gid} {status} since {since}")]


def unfinished_messages(link: redis.Redis) -> Messages:
    """What DTM-Redis has not ended. It lists the gids of these itself."""
    gids = cast("list[str]", link.zrange(f"{DTM_REDIS}_u", 0, -1))
    found: dict[str, tuple[str, str]] = {}
    for start in range(0, len(gids), 500):
        some = gids[start : start + 500]
        values = cast("list[str | None]", link.mget([f"{DTM_REDIS}_g_{gid}" for gid in some]))
        for gid, text in zip(some, values, strict=True):
            message: dict[str, Any] = json.loads(text) if text else {}
            if not message or message.get("status") in UNFINISHED:
                found[gid] = (message.get("status", "expired"), message.get("create_time", ""))
    return Messages(found)


def undo(db: Snapshot, gid: str) -> None:
    """Calls the undos of a failed transaction that are missing, the last branch first, as DTM does: under the barrier.

    Raises BringUpError where a branch answers an error, or was not called over gRPC.
    """
    done = _branches_in_effect(db, [gid]).get(gid, set())
    rows = db.rows(
        "SELECT branch_id, url, bin_data FROM dtm.trans_branch_op WHERE gid = %s AND op = 'compensate'"
        " ORDER BY branch_id DESC",
        [gid],
    )
    for branch_id, url, payload in rows:
        if branch_id in done:
            _call_undo(gid, branch_id, url, payload)


def _call_undo(gid: str, branch_id: str, url: str, payload: bytes) -> None:
    address, _, path = url.partition("/")
    if ":" in path or not path:
        raise BringUpError(f"{gid}: branch {branch_id} at {url} is no gRPC method", "Call it by hand")
    metadata = (
        ("dtm-gid", gid),
        ("dtm-trans_type", "saga"),
        ("dtm-branch_id", branch_id),
        ("dtm-op", "compensate"),
    )
    with grpc.insecure_channel(address) as channel:
        call = cast("Any", channel).unary_unary(f"/{path}")
        try:
            call(payload, metadata=metadata, timeout=10)
        except grpc.RpcError as error:
            raise BringUpError(f"{gid}: the undo {url} answers {error}", "See: eshop status") from error
