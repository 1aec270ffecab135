"""``pause`` and ``resume``: have no worker consume a queue, and have them consume it again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from ...conf import conf
from ...control import paused_queues, queues
from ...control.journal import Acted
from ...permissions import MANAGE_QUEUES
from . import users
from .asking import SEARCH, learn_hosts
from .base import DONE, USAGE, Answer, CommandRefused, Subcommand, Terminal
from .revoke import answer_of


class Pause(Subcommand):
    examples = ("manage.py celery_ops pause mail",)

    @staticmethod
    def does(queue: str, user: Any) -> Acted:
        return queues.pause(queue, user)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("queue", metavar="QUEUE", help="the queue's name")
        users.add_user(parser)

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        queue, user = options["queue"], users.user_named(options["user"])
        users.check(user, MANAGE_QUEUES, queue)
        learn_hosts()
        if paused_queues.queue(conf.load("QUEUE_BACKEND")(), queue, wait=SEARCH)[0] is None:
            raise CommandRefused(_("no queue %(name)r is known") % {"name": queue}, USAGE)
        acted = self.does(queue, user)
        answer = answer_of([acted])
        return answer if acted.replies.asked else replace(answer, code=DONE)  # those that start later will know


class Resume(Pause):
    examples = ("manage.py celery_ops resume mail",)

    @staticmethod
    def does(queue: str, user: Any) -> Acted:
        return queues.resume(queue, user)
