"""What a buyer is told of an order that was placed at once."""

from eshop_chassis import SOLD_OUT
from eshop_order.orders import Final
from eshop_protos.order.v1 import order_pb2 as pb
from protoc_gen_fastapi.runtime import Refused


def submit_reply(order_id: str, final: Final | None) -> pb.SubmitOrderReply:
    """The answer for an order that ended so, or that runs on (None). Raises Refused where it was refused."""
    if final is None:
        return pb.SubmitOrderReply(orderID=order_id, status="running")
    if not final.confirmed:
        raise _refused(order_id, final)
    return pb.SubmitOrderReply(orderID=order_id, status="confirmed")


def _refused(order_id: str, final: Final) -> Refused:
    code = SOLD_OUT if final.code in ("OUT_OF_STOCK", "SOLD_OUT") else None
    return Refused(final.reason, code=code, short=final.code, data={"orderID": order_id, "status": "refused"})
