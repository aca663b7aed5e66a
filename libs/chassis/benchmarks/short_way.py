"""Measures what one request costs in the HTTP server itself: CPU of a small POST, without a network in between.

    python libs/chassis/benchmarks/short_way.py [ROUNDS]

uvicorn's protocol class is driven with a transport that goes nowhere. To compare two checkouts, run it in turns with
PYTHONPATH set to the `src` folders of one and of the other.
"""

# ruff: noqa: T201 - it prints

import asyncio
import gc
import statistics
import sys
import time
from typing import Any

import uvloop

from eshop_chassis import ChassisHooks, ServiceSettings
from eshop_chassis.logs import set_up_logs
from eshop_chassis.readiness import Readiness
from eshop_chassis.serving.http_app import build_app
from eshop_chassis.serving.http_server import HttpServer
from eshop_protos.stock.v1 import stock_api
from eshop_protos.stock.v1 import stock_pb2 as pb

REQUESTS = 2_000
BODY = b'{"productID":7,"stock":3}'
REQUEST = (
    b"POST /api/v1/stock HTTP/1.1\r\nHost: 127.0.0.1:30380\r\nUser-Agent: k6/1.1.0 (https://k6.io/)\r\n"
    b"Content-Length: %d\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n%b" % (len(BODY), BODY)
)


class Stock(stock_api.StockApi):
    """Answers at once."""

    async def create(self, request: pb.CreateStockRequest, call: Any) -> pb.CreateStockReply:
        return pb.CreateStockReply(id=request.productID)


class Nowhere(asyncio.Transport):
    """Counts answers."""

    answered = 0

    def write(self, data: Any) -> None:
        self.answered += 1

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


async def measure(rounds: int) -> list[float]:
    """Microseconds of CPU for a request, in each round."""

    async def nothing(_ready: bool) -> None: ...

    stock: Any = Stock  # has the one rpc that is called
    hooks = ChassisHooks(ServiceSettings())
    app = build_app("stock", [stock_api.stock_router(stock(), hooks)], hooks, Readiness({}, nothing))
    server = HttpServer(app)
    server.config.load()
    make: Any = server.config.http_protocol_class
    connection = make(config=server.config, server_state=server.server_state, app_state={})
    transport = Nowhere()
    connection.connection_made(transport)
    taken: list[float] = []
    for _ in range(rounds):
        begin = time.process_time()
        for _ in range(REQUESTS):
            connection.data_received(REQUEST)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        taken.append((time.process_time() - begin) / REQUESTS * 1e6)
    if transport.answered != rounds * REQUESTS:
        sys.exit(f"only {transport.answered} requests were answered")
    return taken


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    set_up_logs("bench", "info", "json")
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        taken = runner.run(measure(rounds))
    print(f"{min(taken):6.2f} us least, {statistics.median(taken):6.2f} us median of {rounds} rounds")


if __name__ == "__main__":
    main()
