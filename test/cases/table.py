"""The table of cases: for every rpc of every service one body that calls it and looks at what it did."""

from collections.abc import Awaitable, Callable

from databases import Databases
from transports import Transport

Case = Callable[[Transport, Databases], Awaitable[None]]

CASES: dict[str, Case] = {}


def case(rpc: str) -> Callable[[Case], Case]:
    """Enters a body as the case of `rpc`, named as in the catalogue: stock.StockDeduct."""

    def enter(body: Case) -> Case:
        assert rpc not in CASES, f"{rpc} has two cases"
        CASES[rpc] = body
        return body

    return enter
