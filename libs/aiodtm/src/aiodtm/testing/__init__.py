"""DTM and barrier rows in memory: unit tests of sagas, messages and branches without any server."""

from aiodtm.testing._dtm import InMemoryDtm
from aiodtm.testing._plan import Fault, Plan, every_plan
from aiodtm.testing._store import MemoryStore, MemoryTransaction
from aiodtm.testing._transactions import Arrival
from aiodtm.testing._waits import short_waits

__all__ = [
    "Arrival",
    "Fault",
    "InMemoryDtm",
    "MemoryStore",
    "MemoryTransaction",
    "Plan",
    "every_plan",
    "short_waits",
]
