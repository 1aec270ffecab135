"""A control record: committed before anything is asked, completed with the replies."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, IntegrityError, router, transaction
from django.utils import translation
from django.utils.translation import gettext_lazy, ngettext

from .. import redaction
from ..backends.control import Replies
from ..databases import in_turn, writer
from ..exceptions import BrokerUnavailable, NotDone, Repeated
from ..formatting import clean
from ..logs import get_logger
from ..models import ControlRecord, asked_by
from ..sentences import Sentence as _
from .worker_limits import CARRIED

logger = get_logger("celery_ops.acting")

#: Workers that a sentence names one by one.
MOST_NAMED: Final = 5
#: What a row keeps of a reply that says nothing, and of an error.
ANSWERED: Final = "answered"
ERROR: Final = "error: "
#: How a worker says that its kind of pool has no such ability, or that it does not know a command of ours.
CANNOT: Final = re.compile(r"NotImplementedError\(|AttributeError\(.{0,20}TaskPool' object has no attribute")
STRANGE: Final = re.compile(r"KeyError\('celery_ops_")
#: What rows keep of that.
UNABLE: Final = "its pool cannot do that"
STRANGER: Final = "it runs without celery_ops, or an older one: restart it"
FIXED: Final = "it was started without --autoscale"
KEPT: Final = "worker_pool_restarts is off in its settings"
#: What Celery's own words mean.
SAID: Final[Mapping[str, str]] = {
    "ValueError('Autoscale not enabled')": FIXED,
    "ValueError('Pool restarts not enabled')": KEPT,
}
#: What is told of such errors, and of ours.
REASONS: Final[Mapping[str, Any]] = {
    UNABLE: gettext_lazy("its pool cannot do that"),
    STRANGER: gettext_lazy("it runs without celery_ops, or an older one: restart it"),
    FIXED: gettext_lazy("it was started without --autoscale"),
    KEPT: gettext_lazy("worker_pool_restarts is off in its settings"),
    CARRIED: gettext_lazy("the task's messages carry a limit of their own, and that one counts"),
}


@dataclass(frozen=True, slots=True)
class Acted:
    """What an action came to: who was asked, and what each of them answered, in words; nobody's silence is a yes."""

    record: ControlRecord
    replies: Replies = field(default_factory=Replies)

    @property
    def is_done(self) -> bool:
        """Whether everybody who was asked has answered, and nobody with an error."""
        return not (self.replies.silent or self.replies.lost or self.refusals) and bool(self.replies.asked)

    @property
    def refusals(self) -> list[str]:
        """What went wrong at the workers that answered with an error or were lost then, one sentence each."""
        replies = self.replies.answered.items()
        lost = _("it answered, and gives no sign of life since")
        return [
            *(f"{clean(host)}: {reply_text(reply)}" for host, reply in replies if is_error(reply)),
            *(f"{clean(host)}: {lost}" for host in self.replies.lost),
        ]

    @property
    def data(self) -> dict[str, Any]:
        """The JSON answer of an action."""
        return plain(self.replies)

    @property
    def message(self) -> str:
        return sentence(self.replies)


@writer()
def write_record(
    action: str, target: str, parameters: Mapping[str, Any], user: Any, submission: UUID | None = None
) -> ControlRecord:
    """Commit the row of an action that is about to be done, and return it.

    ``submission`` makes two of the same one action. Raises Repeated for the second, and NotDone when the row cannot be
    written.
    """
    record = ControlRecord(
        action=action,
        target=clean(target, 250),
        parameters=dict(parameters),
        **asked_by(user),
        submission=submission,
    )

    def write() -> None:
        with transaction.atomic(router.db_for_write(ControlRecord), durable=True):
            record.pk = None  # of an earlier turn
            record.save(force_insert=True)

    try:
        in_turn(ControlRecord, write)
    except (DatabaseError, ValueError) as error:  # ValueError: PostgreSQL's driver takes no NUL
        if isinstance(error, IntegrityError) and (earlier := _earlier(submission)):
            raise Repeated(earlier) from error
        logger.warning("%s was not done: its journal row could not be written", action, exc_info=True)
        raise NotDone(_("The journal could not be written, so nothing was asked.")) from error
    return record


def _earlier(submission: UUID | None) -> ControlRecord | None:
    return ControlRecord.objects.filter(submission=submission).first() if submission else None


def ask_workers(record: ControlRecord, ask: Callable[[], Replies]) -> Acted:
    """Do what a row says, complete it, and return what came of it. Raises NotDone when the broker does not answer."""
    try:
        replies = ask()
    except BrokerUnavailable as error:
        complete(record, {"error": redaction.capture_text(str(error)).text})
        raise NotDone(_("The broker could not be reached: no worker has heard of it."), record) from error
    failed = [clean(host) for host, reply in replies.answered.items() if is_error(reply) or host in replies.lost]
    with in_no_language():
        kept = plain(replies)
    complete(record, {**kept, "failed": failed})
    return Acted(record, replies)


def in_no_language() -> AbstractContextManager[None]:
    """Let what is said inside be in the words of the code: the journal's rows are read in every language."""
    return translation.override(None)


def complete(record: ControlRecord, replies: Mapping[str, Any]) -> None:
    """Write what came of an action into its row; a database that is away leaves the row as it was."""
    record.replies = dict(replies)
    try:
        in_turn(ControlRecord, lambda: record.save(update_fields=["parameters", "replies"]))
    except (DatabaseError, ValueError):
        logger.warning("The journal row of %s stays without its replies", record, exc_info=True)


def plain(replies: Replies) -> dict[str, Any]:
    """Return who was asked, who answered what, and who was silent, in JSON types."""
    return {
        "asked": [clean(host) for host in replies.asked],
        "answered": {clean(host): reply_text(reply) for host, reply in replies.answered.items()},
        "silent": [clean(host) for host in replies.silent],
        **({"lost": [clean(host) for host in replies.lost]} if replies.lost else {}),
    }


def reply_text(reply: Any) -> str:
    """Return a worker's reply in a few words: it may send anything."""
    if isinstance(reply, dict):
        for key in ("ok", "error"):
            if isinstance(word := reply.get(key), str):
                shown = str(REASONS.get(_known(word)) or clean(redaction.capture_text(word).text, 200))
                return shown if key == "ok" else _("error: %(reason)s") % {"reason": shown}
    return _("answered")


def _known(word: str) -> str:
    if CANNOT.match(word):
        return UNABLE
    return STRANGER if STRANGE.match(word) else SAID.get(word, word)


def in_words(kept: str) -> str:
    """Return a reply that a row has kept in the viewer's language; what is a worker's own stays as it is."""
    if kept == ANSWERED:
        return _("answered")
    if not kept.startswith(ERROR):
        return kept
    reason = kept.removeprefix(ERROR)
    return _("error: %(reason)s") % {"reason": REASONS.get(reason, reason)}


def target_of(record: ControlRecord) -> str:
    """Return whom or what an action was for, several tasks in the viewer's language."""
    ids = record.parameters.get("task_ids")
    return tasks_in_words(len(ids)) if isinstance(ids, list) and len(ids) > 1 else record.target


def tasks_in_words(number: int) -> str:
    return ngettext("%(n)s task", "%(n)s tasks", number) % {"n": number}


def is_error(reply: Any) -> bool:
    """Return whether a worker says that it did not do it."""
    return isinstance(reply, dict) and "error" in reply and "ok" not in reply


def sentence(replies: Replies) -> str:
    """Return one sentence for the person who asked: ``Asked 3 workers, 2 answered, celery@w2 is silent.``"""
    if not replies.asked:
        return _("Requested, but no worker is up: nobody has heard of it yet.")
    asked, answered = len(replies.asked), len(replies.answered)
    beginning = ngettext("Asked %(n)d worker", "Asked %(n)d workers", asked) % {"n": asked}
    ending = ngettext("%(n)d answered", "%(n)d answered", answered) % {"n": answered}
    if not replies.silent:
        return _("%(asked)s, %(answered)s.") % {"asked": beginning, "answered": ending}
    silent = ngettext("%(names)s is silent", "%(names)s are silent", len(replies.silent))
    parts = {"asked": beginning, "answered": ending, "silent": silent % {"names": named(replies.silent)}}
    return _("%(asked)s, %(answered)s, %(silent)s.") % parts


def named(hostnames: Sequence[str]) -> str:
    """Return the first of these names, and how many more there are."""
    shown = ", ".join(map(clean, hostnames[:MOST_NAMED]))
    more = len(hostnames) - MOST_NAMED
    return _("%(names)s and %(n)d more") % {"names": shown, "n": more} if more > 0 else shown
