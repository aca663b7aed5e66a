"""What buyers asked for and what they were told, one record for each request."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["order", "buffered", "flash"]
Told = Literal["ok", "refused", "unknown"]
# good: nothing stands in its way; bad: must be refused; open: depends on what is left.
Due = Literal["good", "bad", "open"]


@dataclass
class Request:
    """One request of a buyer. `amount` is used by no other request for this product, so it finds the order again.

    ok: confirmed, or accepted for the queue. unknown: no answer, an error, or `running`.
    """

    number: int
    kind: Kind
    user: int
    product: int
    count: int
    amount: int
    coupon: int
    due: Due
    told: Told = "unknown"
    order_id: str = ""
    answer: str = "no answer"


class History:
    """All requests of one run."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def add(self, request: Request) -> None:
        self.requests.append(request)

    def counts(self) -> Counter[str]:
        return Counter(request.told for request in self.requests)

    def answers(self) -> Counter[str]:
        return Counter(f"{request.kind}: {request.answer}" for request in self.requests)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(r) for r in self.requests], indent=0, ensure_ascii=False))

    def of_products(self, products: Iterable[int]) -> list[Request]:
        wanted = set(products)
        return [request for request in self.requests if request.product in wanted]
