"""Every setting of the flash-sale service."""

from pydantic import Field

from eshop_chassis import DtmRedisSettings, KafkaSettings, RedisSettings, ServiceSettings
from eshop_contract import OrderIdSettings, OrderQueueSettings


class Settings(ServiceSettings, RedisSettings, KafkaSettings, DtmRedisSettings, OrderIdSettings, OrderQueueSettings):
    """Environment variables: ESHOP_ and the name in capitals, except where an alias is given."""

    http_port: int = Field(default=30680, validation_alias="ESHOP_FLASH_SALE_HTTP_PORT")
    grpc_port: int = Field(default=30682, validation_alias="ESHOP_FLASH_SALE_GRPC_PORT")
    flash_sale_address: str = Field(
        default="127.0.0.1:30682", description="gRPC address of this service, as DTM reaches it"
    )
    order_address: str = Field(default="127.0.0.1:30282", description="gRPC address of the order service")
    flash_sale_wait_seconds: float = Field(
        default=4.0, gt=0, description="how long FlashSale waits for the queue before it says running"
    )
    flash_sale_lanes: int = Field(default=2, gt=0, description="batches that are sold at the same time")
    flash_sale_keys_per_user: int = Field(
        default=1000, gt=0, description="most idempotency keys of one user that are remembered; more are answered 429"
    )
