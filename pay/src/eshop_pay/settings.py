"""Every setting of the pay service."""

from pydantic import Field

from eshop_chassis import MySQLSettings, ServiceSettings
from eshop_chassis.mysql import HousekeepingSettings


class Settings(ServiceSettings, MySQLSettings, HousekeepingSettings):
    """Environment variables: ESHOP_ and the name in capitals, except where an alias is given."""

    http_port: int = Field(default=30580, validation_alias="ESHOP_PAY_HTTP_PORT")
    grpc_port: int = Field(default=30582, validation_alias="ESHOP_PAY_GRPC_PORT")
