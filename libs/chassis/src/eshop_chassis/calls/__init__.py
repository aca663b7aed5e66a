"""Calls to other services, and calls that arrive together: channels, batches, shared reads."""

from eshop_chassis.calls.batch_rpc import BatchingClient, answer_each, answer_many
from eshop_chassis.calls.channels import open_channel
from eshop_chassis.calls.coalescer import BusyError, Coalescer, Pending
from eshop_chassis.calls.shared_reads import SharedReads, Turns

__all__ = [
    "BatchingClient",
    "BusyError",
    "Coalescer",
    "Pending",
    "SharedReads",
    "Turns",
    "answer_each",
    "answer_many",
    "open_channel",
]
