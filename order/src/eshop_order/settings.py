"""Every setting of the order service."""

from pydantic import Field

from eshop_chassis import DtmMySQLSettings, KafkaSettings, MySQLSettings, ServiceSettings
from eshop_contract import OrderIdSettings, OrderQueueSettings
from eshop_order.housekeeping import OrderHousekeepingSettings


class Settings(
    ServiceSettings,
    MySQLSettings,
    KafkaSettings,
    DtmMySQLSettings,
    OrderIdSettings,
    OrderQueueSettings,
    OrderHousekeepingSettings,
):
    """Environment variables: ESHOP_ and the name in capitals, except where an alias is given."""

    http_port: int = Field(default=30280, validation_alias="ESHOP_ORDER_HTTP_PORT")
    grpc_port: int = Field(default=30282, validation_alias="ESHOP_ORDER_GRPC_PORT")
    order_address: str = Field(default="127.0.0.1:30282", description="gRPC address of this service, as DTM reaches it")
    stock_address: str = Field(default="127.0.0.1:30382", description="gRPC address of the stock service")
    coupon_address: str = Field(default="127.0.0.1:30482", description="gRPC address of the coupon service")
    pay_address: str = Field(default="127.0.0.1:30582", description="gRPC address of the pay service")
    flash_sale_address: str = Field(default="127.0.0.1:30682", description="gRPC address of the flash-sale service")
    order_wait_seconds: float = Field(
        default=4.0, gt=0, description="how long Submit waits for an outcome before it says running"
    )
    order_lanes: int = Field(default=2, gt=0, description="sagas of submitted orders that run at the same time")
    order_screening_batches: int = Field(
        default=32,
        ge=0,
        description="batches that are looked over before their saga, after one was refused; 0 for none",
    )
    order_poll_messages: int = Field(
        default=4000,
        gt=0,
        le=5000,
        description="most buffered orders taken from the queue at a time; a saga places up to 500",
    )
    order_poll_every: float = Field(
        default=0.1,
        ge=0,
        lt=5,
        description="seconds from the placing of one poll to that of the next; what arrives meanwhile shares a saga",
    )
    order_place_tries: int = Field(
        default=6, gt=0, description="how often a buffered order may fail by itself before it becomes a dead letter"
    )
    order_unfit_seconds: float = Field(
        default=5.0,
        ge=0,
        description="how long MySQL or DTM may be away before this process leaves the queue to others",
    )
    order_sweep_seconds: float = Field(
        default=3.0, gt=0, description="how often orders that were left behind are looked for"
    )
    order_left_behind_seconds: int = Field(
        default=15, gt=0, description="age at which an unfinished order counts as left behind"
    )
