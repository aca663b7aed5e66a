"""What the order service cleans up: its own rows, and the tables of the barrier and of DTM, which nobody else owns.

DTM-MySQL never deletes a transaction, and orders that are not final rest on its answer: the transactions, refusals and
barriers of such orders stay, however old they are.
"""

from pydantic import Field

from eshop_chassis.mysql import Expiring, HousekeepingSettings, expiring_refusals

UNFINISHED = ("SELECT gid FROM order_record WHERE state IN ('placing', 'claimed', 'reverted') AND gid IN ({})",)
# DTM writes local time, the service compares with UTC.
ZONES_DAYS = 1


class OrderHousekeepingSettings(HousekeepingSettings):
    """How long transactions are kept."""

    keep_barriers_days: int = Field(
        default=7, ge=7, description="how long barrier rows are kept; DTM may repeat a call"
    )
    keep_buried_days: int = Field(
        default=30, ge=7, description="how long the places of dead letters are kept; Kafka keeps them 7"
    )
    keep_transactions_days: int = Field(
        default=7, ge=7, description="how long DTM's finished transactions are kept in MySQL"
    )


def expiring(settings: OrderHousekeepingSettings) -> list[Expiring]:
    """Barriers last: they are what a call that comes late is judged by."""
    refusals = expiring_refusals(settings)
    return [
        Expiring("buried", settings.keep_buried_days, ended="state <> 'writing'"),
        Expiring(refusals.table, refusals.days, gid=refusals.gid, in_use=UNFINISHED),
        Expiring(
            f"{settings.dtm_database}.trans_global",
            settings.keep_transactions_days + ZONES_DAYS,
            time="COALESCE(update_time, create_time)",
            gid="gid",
            ended="status IN ('succeed', 'failed')",
            in_use=UNFINISHED,
            along=[f"{settings.dtm_database}.trans_branch_op"],
        ),
        Expiring("dtm_barrier.barrier", settings.keep_barriers_days, time="create_time", gid="gid", in_use=UNFINISHED),
    ]
