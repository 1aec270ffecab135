"""Whether anybody on the internet may be let in by the broker."""

import socket
from collections.abc import Iterator
from ipaddress import ip_address

from django.utils.translation import gettext as _

from .. import connections
from .finding import Finding, error, ok

#: What RabbitMQ is installed with.
GUEST = ("guest", "guest")


def check() -> Iterator[Finding]:
    """Say whether a broker at a public address asks for a password."""
    connection = connections.connection()
    host = connection.hostname or ""
    if "://" in host or not host or host.startswith("/"):  # a file, a database, a socket
        return
    is_open = not connection.password or (connection.userid, connection.password) == GUEST
    if is_open and _is_public(host):
        message = _("The broker is at a public address and has no password of its own.")
        yield error("broker-login", message, _("Give it a password, and let only your own machines reach it."))
    else:
        yield ok("broker-login", _("The broker has a password, or is at a private address."))


def _is_public(host: str) -> bool:
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
        return any(ip_address(str(address).partition("%")[0]).is_global for address in found)
    except (OSError, ValueError):
        return False
