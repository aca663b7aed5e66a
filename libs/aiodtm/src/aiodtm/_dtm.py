"""The client: one per process, opened once."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import grpc.aio

from aiodtm._errors import DtmFailure
from aiodtm._gid import checked_gid
from aiodtm._message import Message
from aiodtm._outcome import Outcome, Status, Transaction
from aiodtm._request import Draft, checked_headers, checked_seconds, checked_url
from aiodtm._saga import RETRY_INTERVAL, Saga
from aiodtm._server import CHANNEL_OPTIONS, DtmServer, Wanted

DTM_DECIDES = 0


class Dtm:
    """DTM as a service sees it. Open it with `open_dtm`; tests have `aiodtm.testing.InMemoryDtm`."""

    def __init__(self, server: DtmServer) -> None:
        self._server = server

    async def new_gid(self, limit: float = 2.0) -> str:
        """A gid made by DTM: 22 letters and digits. `random_gid()` makes one without a call."""
        return await self._server.new_gid(limit)

    def saga(
        self,
        gid: str,
        headers: Mapping[str, str] | None = None,
        *,
        fresh: bool = False,
        retry_interval: int = RETRY_INTERVAL,
        request_timeout: int = DTM_DECIDES,
    ) -> Saga:
        """A new saga. `headers` reach every action and every undo; together with the options at most 1,024
        characters.

        `fresh` promises that nobody has submitted this gid before, and saves the question about it (1-2 ms):
        true for a gid that was made a moment ago, wrong for one that was found in a database. `retry_interval`: whole
        seconds until DTM calls again after a branch that is still running; after an error it takes twice that, and
        twice as long each time. `request_timeout`: whole seconds that DTM gives each branch call; 0 is DTM's own
        limit, 3.
        """
        checked_seconds("a retry interval", retry_interval)
        draft = Draft(checked_gid(gid), "saga", retry_interval, checked_headers(headers))
        draft.request_timeout = checked_seconds("a request timeout", request_timeout, least=0)
        return Saga(self._server, draft, fresh=fresh)

    def message(
        self,
        gid: str,
        check_back: str,
        headers: Mapping[str, str] | None = None,
        *,
        fresh: bool = False,
        timeout_to_fail: int = 4,
        retry_interval: int = 5,
        request_timeout: int = DTM_DECIDES,
    ) -> Message:
        """A new two-phase message. `check_back` is the address that DTM asks when no submit comes.

        `fresh` promises that nobody has prepared this gid before, and saves the question about it after prepare.
        `timeout_to_fail`: seconds after prepare until DTM asks. With 4 and a `retry_interval` of 5 the
        question came 4.4-8.3 s after prepare, on both of DTM's stores. `request_timeout`: as for sagas.
        """
        checked_seconds("a retry interval", retry_interval)
        checked_seconds("a message's timeout", timeout_to_fail)
        draft = Draft(checked_gid(gid), "msg", retry_interval, checked_headers(headers))
        draft.timeout_to_fail, draft.query_prepared = timeout_to_fail, checked_url(check_back)
        draft.request_timeout = checked_seconds("a request timeout", request_timeout, least=0)
        return Message(self._server, draft, fresh=fresh)

    async def query(self, gid: str, limit: float = 2.0) -> Transaction | None:
        """The transaction and its branches, or None when DTM has no such gid.

        DTM on Redis forgets finished transactions after a day by default. Raises DtmUnavailable, DtmFailure.
        """
        found = await self._server.query(checked_gid(gid), limit)
        return found if found is not None and found.gid == gid else None  # DTM on MySQL overlooks letter case

    async def outcome(self, gid: str, limit: float = 2.0) -> Outcome | None:
        """How far the transaction has come, or None when DTM has no such gid. Raises DtmUnavailable,
        DtmFailure.
        """
        found = await self.query(gid, limit)
        return found.outcome if found else None

    async def transactions(
        self, status: Status | None = None, *, trans_type: str | None = None, page: int = 1000, limit: float = 2.0
    ) -> AsyncGenerator[Transaction]:
        """All transactions, or those with this status or type ("saga", "msg", ...), without their branches.

        DTM is asked for `page` of them at a time, each time within `limit` seconds. On MySQL they come newest first. On
        Redis DTM 1.19 skips what a page has no room for: there `page` has to be at least the number of keys in its
        database, which Redis then goes through at once. Raises DtmUnavailable, DtmFailure.
        """
        wanted, position = Wanted(status, trans_type, page), ""
        while True:
            found, position = await self._server.page(wanted, position, limit)
            for transaction in found:
                yield transaction
            if not position:
                return

    async def force_stop(self, gid: str, limit: float = 2.0) -> None:
        """Has DTM give up an unfinished transaction, for good: "failed", with nothing undone. A pass that is under
        way calls its branches to their end.

        Raises DtmAborted when it is finished, DtmFailure when DTM has no such gid.
        """
        if await self.query(gid, limit) is None:
            raise DtmFailure(f"forceStop: there is no {gid}")
        await self._server.force_stop(gid, limit)

    async def wake(self, limit: float = 5.0, *, young: int = 0) -> None:
        """Makes DTM take up all waiting transactions within its next round (3 s), whatever their retry interval.

        `young` leaves out those that DTM would take up within so many seconds by itself. For sagas it should be their
        retry interval (10): a saga that was just submitted waits no longer than that, and its first pass may still be
        under way, beside which DTM would start a second one.

        Call it when a service or a store is back, not in a loop: DTM calls all their branches one after the other, and
        for each that still fails it doubles the time until it tries by itself.
        """
        for _ in range(1000):
            if not await self._server.reset_cron_time(young, limit):
                return
        raise DtmFailure("resetCronTime does not come to an end")

    async def wake_one(self, gid: str, limit: float = 2.0) -> None:
        """Makes DTM take up one waiting transaction within its next round (3 s).

        Only when no pass over its branches can be under way: DTM would start a second one beside it. A pass that Submit
        started is over 8 s later at most (5 s in which DTM starts branches, 3 s for the last of them).
        """
        await self._server.reset_next_cron_time(checked_gid(gid), limit)


@asynccontextmanager
async def open_dtm(grpc: str = "127.0.0.1:36790", http: str = "127.0.0.1:36789") -> AsyncGenerator[Dtm]:
    """Opens a client of the DTM server at these addresses ("host:port"). Connects when it is first used."""
    from aiodtm._real_server import RealDtm, http_client  # not at the top: 4 MB that barriers can do without

    async with _channel(grpc) as channel, http_client(http) as client:
        yield Dtm(RealDtm(channel, client))


def _channel(address: str) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
