"""The webhook: JSON to a real server on loopback, in five seconds at most, and nowhere else."""

import json
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from celery_ops.alerts import BREACHED, Alert, delivery, posting, webhook
from celery_ops.exceptions import WebhookFailed

ALERT = Alert(
    "mail goes out", "wait_p95", 45.0, 30, "mail", "15m", datetime(2026, 3, 1, 12, tzinfo=timezone.utc), BREACHED
)
SECRET = "hunter2"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *args):
        pass


@contextmanager
def serving():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.status, server.headers = [], 200, {}
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    server.place = f"127.0.0.1:{server.server_port}"
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def to(say, memory_store):
    return lambda url: say(ALERT_WEBHOOK=url)


def test_an_alert_is_posted_as_json(server, to):
    to(f"http://{server.place}/hook?team=ops")
    webhook(ALERT)
    ((path, headers, body),) = server.requests
    assert path == "/hook?team=ops"
    assert headers["Content-Type"] == "application/json"
    assert "Authorization" not in headers
    assert json.loads(body) == {
        "name": "mail goes out",
        "measure": "wait_p95",
        "value": 45.0,
        "limit": 30,
        "target": "mail",
        "window": "15m",
        "at": "2026-03-01T12:00:00+00:00",
        "state": "breached",
        "text": "The wait (p95) of mail is 45.0 s: more than 30.0 s. Measured over the last 15m.",
    }


def test_a_url_may_be_written_in_any_letters(server, to):
    to(f"http://{server.place}/störung/%C3%A4?für=ops%20team")
    webhook(ALERT)
    ((path, _headers, _body),) = server.requests
    assert path == "/st%C3%B6rung/%C3%A4?f%C3%BCr=ops%20team"


def test_what_broke_off_in_the_middle_is_named(to, monkeypatch):
    def broken(self):
        error = ssl.SSLError(1, "[SSL: BAD_RECORD_MAC] decryption failed")
        error.reason = "BAD_RECORD_MAC"  # as OpenSSL's own errors have it
        raise error

    monkeypatch.setattr(posting._Post, "send", broken)
    to("https://alerts.example.com/hook")
    with pytest.raises(WebhookFailed, match=r"https://alerts\.example\.com cannot be told: SSLError"):
        webhook(ALERT)


def test_a_login_in_the_url_is_sent_as_basic_authorization(server, to):
    to(f"http://ops:p%40ss@{server.place}/")
    webhook(ALERT)
    ((path, headers, _body),) = server.requests
    assert (path, headers["Authorization"]) == ("/", "Basic b3BzOnBAc3M=")
    assert headers["Host"] == server.place


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(server, to, status):
    with serving() as private:
        server.status, server.headers = status, {"Location": f"http://{private.place}/admin"}
        to(f"http://{server.place}/")
        with pytest.raises(WebhookFailed, match=f"is not followed: it answers {status}"):
            webhook(ALERT)
        assert private.requests == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_refusal_is_told(server, to, status):
    server.status = status
    to(f"http://{server.place}/")
    with pytest.raises(WebhookFailed, match=f"refuses the alert: it answers {status}"):
        webhook(ALERT)


@contextmanager
def raw_server(behave):
    """A server that does with a connection what it likes."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def run():
        connection, _ = listening.accept()
        with connection:
            behave(connection, ended)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        ended.set()
        thread.join()
        listening.close()


def never_answers(connection, ended):
    ended.wait(30)


def drips(connection, ended):
    """Sends a header that never ends, a byte at a time: no single wait is long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not ended.wait(0.02):
        try:
            connection.sendall(b"x")
        except OSError:
            return


def talks_nonsense(connection, ended):
    connection.recv(65536)
    connection.sendall(b"\x00\xff" * 1000 + b"\r\n")


@pytest.mark.parametrize("behave", [never_answers, drips])
def test_a_server_that_hangs_is_cut_off(to, monkeypatch, behave):
    monkeypatch.setattr(posting, "DEADLINE", 0.3)
    with raw_server(behave) as place:
        to(f"http://{place}/")
        begin = time.monotonic()
        with pytest.raises(WebhookFailed):
            webhook(ALERT)
        assert time.monotonic() - begin < 10


def test_a_server_that_talks_nonsense_is_a_failure_of_its_own(to):
    with raw_server(talks_nonsense) as place:
        to(f"http://{place}/")
        with pytest.raises(WebhookFailed, match="cannot be told"):
            webhook(ALERT)


def test_a_body_that_never_ends_is_not_read(to):
    def pours(connection, ended):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n")
        while not ended.is_set():
            try:
                connection.sendall(b"x" * 65536)
            except OSError:
                return

    with raw_server(pours) as place:
        to(f"http://{place}/")
        webhook(ALERT)


def test_the_proxies_of_the_environment_are_used(server, to, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://{server.place}")
    monkeypatch.setenv("no_proxy", "")
    to("http://hooks.example.com/x")
    webhook(ALERT)
    ((path, headers, _body),) = server.requests
    assert (path, headers["Host"]) == ("http://hooks.example.com/x", "hooks.example.com")


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        3,
        "hook",
        "file:///etc/passwd",
        "ftp://example.com/",
        "data:text/plain,x",
        "gopher://example.com/",
        "http://",
        "http:///path",
        "http://[::1",
        "http://example.com:99999999/",
        "http://example.com/\r\nX: y",
        "http://exa mple.com/",
    ],
)
def test_what_is_no_url_to_post_to_is_not_opened(to, url):
    to(url)
    with pytest.raises(WebhookFailed, match="ALERT_WEBHOOK"):
        webhook(ALERT)


def test_nothing_secret_of_the_url_is_logged(server, say, memory_store, caplog):
    server.status = 500
    say(
        ALERTS=["celery_ops.alerts.webhook"],
        ALERT_WEBHOOK=f"http://ops:{SECRET}@{server.place}/services/{SECRET}?token={SECRET}",
    )
    delivery.deliver([ALERT])
    assert len(server.requests) == 1
    assert "refuses the alert: it answers 500" in caplog.text
    assert SECRET not in caplog.text


def test_a_port_where_nobody_listens_is_logged_without_the_url(say, memory_store, caplog):
    say(ALERTS=["celery_ops.alerts.webhook"], ALERT_WEBHOOK=f"http://127.0.0.1:9/{SECRET}")
    delivery.deliver([ALERT])
    assert "http://127.0.0.1 cannot be told: ConnectionRefusedError" in caplog.text
    assert SECRET not in caplog.text
