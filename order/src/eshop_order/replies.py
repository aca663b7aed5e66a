"""What a buyer is told of an order that was placed at once."""

from eshop_contract import Refusal
from eshop_order.orders import Final
from eshop_protos.order.v1 import order_pb2 as pb


def submit_reply(order_id: str, final: Final | None) -> pb.SubmitOrderReply:
    """The answer for an order that ended so, or that runs on (None). Raises Refused where it was refused."""
    if final is None:
        return pb.SubmitOrderReply(orderID=order_id, status="running")
    if not final.confirmed:
        raise Refusal(final.code, final.reason).error({"orderID": order_id, "status": "refused"})
    return pb.SubmitOrderReply(orderID=order_id, status="confirmed")
