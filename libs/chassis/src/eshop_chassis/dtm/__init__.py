"""What a service needs of DTM: branches that count once, addresses, recovery after an outage."""

import eshop_chassis.dtm.errors  # noqa: F401  # pyright: ignore[reportUnusedImport] - registers what DTM's errors mean
from eshop_chassis.dtm.addresses import branch_headers, branch_url, check_dtm
from eshop_chassis.dtm.branch import MAX_REASON, Branch, BranchRefusal, Fault, refusals_reply, stored_refusals
from eshop_chassis.dtm.recovery import Recovery, check_service

__all__ = [
    "MAX_REASON",
    "Branch",
    "BranchRefusal",
    "Fault",
    "Recovery",
    "branch_headers",
    "branch_url",
    "check_dtm",
    "check_service",
    "refusals_reply",
    "stored_refusals",
]
