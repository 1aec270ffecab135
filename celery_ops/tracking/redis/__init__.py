"""The store in Redis or Valkey, on one server or in a cluster."""

from .store import RedisStore as RedisStore
