"""Redis: one client per process."""

from eshop_chassis.redis.client import check_redis, open_redis

__all__ = ["check_redis", "open_redis"]
