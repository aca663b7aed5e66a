"""Every setting of the coupon service."""

from pydantic import Field

from eshop_chassis import MySQLSettings, ServiceSettings
from eshop_chassis.mysql import HousekeepingSettings


class Settings(ServiceSettings, MySQLSettings, HousekeepingSettings):
    """Environment variables: ESHOP_ and the name in capitals, except where an alias is given."""

    http_port: int = Field(default=30480, validation_alias="ESHOP_COUPON_HTTP_PORT")
    grpc_port: int = Field(default=30482, validation_alias="ESHOP_COUPON_GRPC_PORT")
