"""Every setting of the user service."""

from pydantic import Field

from eshop_chassis import MySQLSettings, ServiceSettings


class Settings(ServiceSettings, MySQLSettings):
    """Environment variables: ESHOP_ and the name in capitals, except where an alias is given."""

    http_port: int = Field(default=30080, validation_alias="ESHOP_USER_HTTP_PORT")
    grpc_port: int = Field(default=30082, validation_alias="ESHOP_USER_GRPC_PORT")
