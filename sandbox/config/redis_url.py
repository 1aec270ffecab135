"""One Redis, two spellings: redis-py says ``unix:///path?db=1``, Celery ``redis+socket:///path?virtual_host=1``."""


def for_celery(url: str) -> str:
    """Return ``url`` as Celery's broker setting takes it."""
    if not url.startswith("unix://"):
        return url
    return url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")


def for_redis(url: str) -> str:
    """Return ``url`` as redis-py takes it."""
    if not url.startswith("redis+socket://"):
        return url
    return url.replace("redis+socket://", "unix://", 1).replace("?virtual_host=", "?db=")
