"""I9: a list's total, which is kept and not counted, is the number of its rows."""

from __future__ import annotations

from collections.abc import Iterator

from eshop_chassis.mysql import TOTAL
from eshop_deploy.suite import services
from eshop_deploy.verify.findings import Finding
from eshop_deploy.verify.stores import Snapshot


def wrong_totals(db: Snapshot) -> Iterator[Finding]:
    """Lists that tell more or fewer rows than they show."""
    for table in (table for service in services() for table in service.tables):
        database, _, name = table.partition(".")
        ((kept,),) = db.rows(TOTAL.replace("shown_rows", f"{database}.shown_rows"), [name])
        if kept is None:  # not kept yet: whoever lists the table counts it
            continue
        shown = db.number(f"SELECT COUNT(*) FROM {table} WHERE deleted_at IS NULL")  # noqa: S608 - constants
        if kept != shown:
            yield Finding("I9", "list", table, f"its kept total is {kept}, and it shows {shown} rows")
