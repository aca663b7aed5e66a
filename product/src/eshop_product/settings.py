"""Every setting of the product service."""

from pydantic import Field

from eshop_chassis import MySQLSettings, ServiceSettings


class Settings(ServiceSettings, MySQLSettings):
    """Environment variables: ESHOP_ and the name in capitals, except where an alias is given."""

    http_port: int = Field(default=30180, validation_alias="ESHOP_PRODUCT_HTTP_PORT")
    grpc_port: int = Field(default=30182, validation_alias="ESHOP_PRODUCT_GRPC_PORT")
