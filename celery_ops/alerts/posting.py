"""An alert as JSON to ``ALERT_WEBHOOK``: five seconds in all, and no redirect is followed.

The URL is the site's own, so it may lead to a private address. Where another server sends on to is not the site's own.
"""

import base64
import http.client
import json
import socket
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from django.utils.encoding import iri_to_uri

from .. import __version__
from ..conf import conf
from ..exceptions import WebhookFailed
from . import words
from .alert import Alert

#: Seconds for a post, from looking up the host to the answer's headers.
DEADLINE: Final = 5.0
SCHEMES: Final = ("http", "https")


def post(alert: Alert) -> None:
    """Post an alert to ``ALERT_WEBHOOK``. Raises WebhookFailed, whose words hold nothing secret of the URL."""
    url = conf.ALERT_WEBHOOK
    problem = url_problem(url)
    if problem:
        raise WebhookFailed(f"ALERT_WEBHOOK {problem}")
    content = {**alert.as_dict(), "text": words.sentence(alert)}
    request = _request(url, json.dumps(content).encode())
    try:
        _Post(request).send()
    except urllib.error.HTTPError as error:
        error.close()
        what = "sends on to somewhere else, which is not followed" if 300 <= error.code < 400 else "refuses the alert"
        raise WebhookFailed(f"{place(url)} {what}: it answers {error.code}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise WebhookFailed(f"{place(url)} cannot be told: {type(reason).__name__}") from None


def url_problem(url: Any) -> str:
    """Return what is wrong with the URL of a webhook, without quoting it; empty when nothing is."""
    if not isinstance(url, str) or not url.strip():
        return "is not set"
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in SCHEMES:
        return "begins with neither http:// nor https://"
    if not host or not url.isprintable() or " " in url:
        return "is no URL"
    return ""


def place(url: str) -> str:
    """Return the beginning of a URL that may be logged: its login, path and query may be secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}"


def _request(url: str, body: bytes) -> urllib.request.Request:
    parts = urlsplit(url)
    path, query = iri_to_uri(parts.path or "/"), iri_to_uri(parts.query)
    address = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, query, ""))
    headers = {"Content-Type": "application/json", "User-Agent": f"django-celery-ops/{__version__}"}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    return urllib.request.Request(address, data=body, headers=headers, method="POST")  # noqa: S310 - of SCHEMES alone


class _Post:
    """One request, which is cut off when its time is up: a server that sends a byte now and then is never late."""

    def __init__(self, request: urllib.request.Request) -> None:
        self._request = request
        self._connection: http.client.HTTPConnection | None = None
        self._is_late = False

    def send(self) -> None:
        """Send it, and read no more than the answer's headers. Raises OSError or HTTPException."""
        watchdog = threading.Timer(DEADLINE, self._cut_off)
        watchdog.daemon = True
        watchdog.start()
        try:
            with self._opener().open(self._request, timeout=DEADLINE):
                pass
        finally:
            watchdog.cancel()
        if self._is_late:
            raise TimeoutError

    def _opener(self) -> urllib.request.OpenerDirector:
        """One that knows the proxies of the environment, and neither files, nor other schemes, nor redirects."""
        opener = urllib.request.OpenerDirector()
        handlers: tuple[urllib.request.BaseHandler, ...] = (
            urllib.request.ProxyHandler(),
            _HTTP(self._connect),
            _HTTPS(self._connect),
            urllib.request.HTTPErrorProcessor(),
            urllib.request.HTTPDefaultErrorHandler(),
        )
        for handler in handlers:
            opener.add_handler(handler)
        return opener

    def _connect(self, kind: type[http.client.HTTPConnection], *args: Any, **kwargs: Any) -> Any:
        self._connection = kind(*args, **kwargs)
        return self._connection

    def _cut_off(self) -> None:
        self._is_late = True
        if self._connection is not None and self._connection.sock is not None:
            with suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)


class _HTTP(urllib.request.HTTPHandler):
    def __init__(self, connect: Any) -> None:
        super().__init__()
        self._connect = connect

    def http_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(lambda *args, **kwargs: self._connect(http.client.HTTPConnection, *args, **kwargs), request)


class _HTTPS(urllib.request.HTTPSHandler):
    def __init__(self, connect: Any) -> None:
        super().__init__()
        self._connect = connect

    def https_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(
            lambda *args, **kwargs: self._connect(http.client.HTTPSConnection, *args, **kwargs), request
        )
