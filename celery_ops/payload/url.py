"""Where a broker or a result backend is, without who logs in there."""

from collections.abc import Mapping
from typing import Any

from .. import redaction
from ..formatting import clean


def address(url: Any) -> str:
    """Return ``redis://10.0.0.1:6379`` for a URL of Celery's settings, and a name such as ``django-db`` as it is."""
    if not url:
        return ""
    if not isinstance(url, str):
        return ", ".join(map(address, url)) if isinstance(url, (list, tuple)) else clean(type(url).__name__)
    return ", ".join(dict.fromkeys(map(_one, url.split(";"))))


def _one(url: str) -> str:
    scheme, separator, rest = url.strip().partition("://")
    place = rest.rpartition("@")[2]
    for end in "/?#":
        place = place.partition(end)[0]
    return clean(redaction.capture_text(f"{scheme}://{place}" if separator and place else scheme).text)


def broker_address(broker: Mapping[str, Any]) -> str:
    """Return the address in the ``broker`` of a worker's stats, without a login; empty when it does not say."""
    transport, host = _word(broker.get("transport")), _word(broker.get("hostname"))
    if not host:
        return transport
    if "://" in host:
        return address(host)
    port = broker.get("port")
    place = f"{host.rpartition('@')[2]}:{port}" if type(port) is int else host.rpartition("@")[2]
    return clean(redaction.capture_text(f"{transport}://{place}" if transport else place).text)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""
