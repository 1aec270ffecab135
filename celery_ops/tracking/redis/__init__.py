"""The store in Redis or Valkey, on one server or in a cluster."""

from ...connections.redis import client_url as client_url  # where it has always been found
from .store import RedisStore as RedisStore
