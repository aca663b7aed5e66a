"""MySQL: one database of one service, its engine, transactions, schema, row counts and housekeeping."""

from eshop_chassis.mysql.database import Database, Params, Tx, apply_schema, execute, fetch, marks, open_mysql
from eshop_chassis.mysql.errors import is_passing
from eshop_chassis.mysql.housekeeping import Expiring, Housekeeping, HousekeepingSettings, expiring_refusals
from eshop_chassis.mysql.row_counts import TOTAL, note_moved, note_shown

__all__ = [
    "TOTAL",
    "Database",
    "Expiring",
    "Housekeeping",
    "HousekeepingSettings",
    "Params",
    "Tx",
    "apply_schema",
    "execute",
    "expiring_refusals",
    "fetch",
    "is_passing",
    "marks",
    "note_moved",
    "note_shown",
    "open_mysql",
]
