"""Every setting of the stock service."""

from pydantic import Field

from eshop_chassis import MySQLSettings, ServiceSettings
from eshop_chassis.mysql import HousekeepingSettings


class Settings(ServiceSettings, MySQLSettings, HousekeepingSettings):
    """Environment variables: ESHOP_ and the name in capitals, except where an alias is given."""

    http_port: int = Field(default=30380, validation_alias="ESHOP_STOCK_HTTP_PORT")
    grpc_port: int = Field(default=30382, validation_alias="ESHOP_STOCK_GRPC_PORT")
    flash_sale_address: str = Field(default="127.0.0.1:30682", description="gRPC address of the flash-sale service")
    flash_sale_settle_seconds: float = Field(
        default=1.0, ge=0, description="how long SetFlashSaleStock waits for accepted orders to be placed"
    )
