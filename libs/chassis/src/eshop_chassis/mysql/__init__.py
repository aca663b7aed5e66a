"""MySQL: one database of one service, its engine, transactions, schema, row counts and housekeeping."""

from eshop_chassis.mysql.database import Database, Params, Transactions, Tx, execute, fetch, marks, open_mysql
from eshop_chassis.mysql.errors import is_passing
from eshop_chassis.mysql.housekeeping import Expiring, Housekeeping, HousekeepingSettings, expiring_refusals
from eshop_chassis.mysql.migrations import change_tables
from eshop_chassis.mysql.row_counts import TOTAL, note_moved, note_shown
from eshop_chassis.mysql.schema import Schema, Tables, apply_schema, migrate

__all__ = [
    "TOTAL",
    "Database",
    "Expiring",
    "Housekeeping",
    "HousekeepingSettings",
    "Params",
    "Schema",
    "Tables",
    "Transactions",
    "Tx",
    "apply_schema",
    "change_tables",
    "execute",
    "expiring_refusals",
    "fetch",
    "is_passing",
    "marks",
    "migrate",
    "note_moved",
    "note_shown",
    "open_mysql",
]
