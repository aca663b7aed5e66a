"""Every setting of the gateway."""

from pydantic import Field

from eshop_chassis import ServiceSettings


class Settings(ServiceSettings):
    """Environment variables: ESHOP_ and the name in capitals, except where an alias is given.

    An address is "host:port"; several with commas are used in turn.
    """

    http_port: int = Field(default=8080, validation_alias="ESHOP_GW_HTTP_PORT")
    grpc_port: int = Field(default=8282, validation_alias="ESHOP_GW_GRPC_PORT")
    user_address: str = Field(default="127.0.0.1:30082", description="gRPC address of the user service")
    product_address: str = Field(default="127.0.0.1:30182", description="gRPC address of the product service")
    order_address: str = Field(default="127.0.0.1:30282", description="gRPC address of the order service")
    stock_address: str = Field(default="127.0.0.1:30382", description="gRPC address of the stock service")
    coupon_address: str = Field(default="127.0.0.1:30482", description="gRPC address of the coupon service")
    flash_sale_address: str = Field(default="127.0.0.1:30682", description="gRPC address of the flash-sale service")
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        validation_alias="ESHOP_GW_WORKERS",
        description="processes of the gateway on these ports",
    )
    gw_lanes: int = Field(
        default=2, gt=0, description="batches of orders of each kind that are on their way at the same time"
    )
    gw_lists_at_a_time: int = Field(
        default=2, gt=0, description="lists that are asked for at the same time while each answers several callers"
    )
    gw_upstream_timeout: float = Field(default=10.0, gt=0, description="longest wait for a service, seconds")
