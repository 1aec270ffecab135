"""A web server of the tests' site, one process of gunicorn, and what its processor does."""

import contextlib
import http.client
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

from tests.servers import free_port, wait_for

IS_INSTALLED = find_spec("gunicorn") is not None
TICKS = os.sysconf("SC_CLK_TCK")


class WebServer:
    """It shares this run's database, store and broker. ``get`` is one viewer's connection, kept open."""

    def __init__(self, cookie: str, application: str = "tests.benchmarks.site.wsgi") -> None:
        self.port = free_port()
        self.cookie = cookie
        options = [
            "--workers",
            "1",
            "--threads",
            "4",
            "--keep-alive",
            "600",
            "--timeout",
            "600",
            "--bind",
            f"127.0.0.1:{self.port}",
        ]
        command = [sys.executable, "-m", "gunicorn", *options, application]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "TEST_STORE_TIMEOUT": "20"}  # a busy machine is no outage here
        self.process = subprocess.Popen(command, env=environment, **silent)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        wait_for(self._answers, "the web server to answer")

    def __enter__(self) -> "WebServer":
        return self

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.wait(30)

    def get(self, address: str, tag: str = "") -> tuple[int, str]:
        """Return the status and the entity tag of a page that has found all that it shows."""
        headers = {"Cookie": self.cookie, "X-Celery-Ops": "fragment"} | ({"If-None-Match": tag} if tag else {})
        self.connection.request("GET", address, headers=headers)
        response = self.connection.getresponse()
        assert b"data-unavailable" not in response.read(), address
        return response.status, response.headers.get("ETag", "")

    @property
    def busy(self) -> float:
        """The seconds of CPU that the process that answers has taken; Linux says."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        after_name = Path(f"/proc/{children[0]}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS

    def _answers(self) -> bool:
        assert self.process.poll() is None, "the web server has ended"
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/favicon.ico")[0] == 204
        self.connection.close()
        return False
