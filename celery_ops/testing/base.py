"""What the suites of all backends have in common: what is asked of any, and what is planted."""

# ruff: noqa: S101 - asserting is what this module is for

from datetime import datetime, timedelta, timezone
from uuid import NAMESPACE_URL, uuid5

from .. import states
from ..backends.base import Backend
from ..info import TaskInfo

BEGIN = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=1)

#: Texts that a visitor may send and no source holds.
HOSTILE = (
    " ",
    "/",
    "..",
    "a/b/../c",
    "\x00",
    "a\x00b",
    "\ud800",
    "\r\n",
    "\x1b[31m",
    "é\u202e😀",
    "'\"; DROP TABLE x; --",
    "<script>alert(1)</script>",
    "%",
    "_",
    "%00",
    "%s{0}{x!r}",
    "*",
    "[a",
    "\\",
    "x" * 100_000,
    "9" * 5_000,
)


class BackendContract:
    """What the pages ask of any backend."""

    def empty_backend(self) -> Backend:
        """Return the backend over an empty source."""
        return self.make_backend(())  # type: ignore[attr-defined]  # each suite says how

    def test_it_says_what_it_is_what_it_does_and_where_its_data_comes_from(self) -> None:
        backend = self.empty_backend()
        assert all(str(text).strip() for text in (backend.label, backend.description, backend.data_source))

    def test_its_checks_find_nothing_wrong_with_these_settings(self) -> None:
        assert list(self.empty_backend().check()) == []


def planted_task(number: int, state: str) -> TaskInfo:
    """Return the task of this number: always the same one."""
    created = BEGIN + timedelta(minutes=number if number != 5 else 4)  # two of one moment
    begun = state not in (states.PENDING, states.RECEIVED, states.REVOKED)
    return TaskInfo(
        id=str(uuid5(NAMESPACE_URL, f"contract/{number}")),
        name=("shop.tasks.charge_card", "shop.tasks.send_receipt", "reports.nightly")[number // 2 % 3],
        state=state,
        worker=None if state == states.PENDING else ("w1@host", "w1@host.example")[number % 2],
        queue=("mail", "mail.slow")[number // 3 % 2],
        created_at=created,
        started_at=created + timedelta(seconds=10) if begun else None,
        finished_at=created + timedelta(seconds=20 + number) if states.is_final(state) else None,
        error="ValueError: no" if state == states.FAILURE else None,
        args=[number],
        kwargs={"customer": "Ada Lovelace" if number % 2 == 0 else "Grace", "password": "xyzzy-secret"},
    )
