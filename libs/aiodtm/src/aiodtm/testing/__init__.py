"""DTM and barrier rows in memory: unit tests of sagas, messages and branches without any server."""

from aiodtm.testing.dtm import InMemoryDtm
from aiodtm.testing.plan import Fault, Plan, every_plan
from aiodtm.testing.store import MemoryStore, MemoryTransaction
from aiodtm.testing.transactions import Arrival

__all__ = ["Arrival", "Fault", "InMemoryDtm", "MemoryStore", "MemoryTransaction", "Plan", "every_plan"]
