"""``metrics``: the text that Prometheus scrapes."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from ...exceptions import ExtraMissing
from .asking import learn_hosts
from .base import NO_ANSWER, Answer, CommandRefused, Subcommand, Terminal


class Metrics(Subcommand):
    examples = ("manage.py celery_ops metrics", "manage.py celery_ops metrics --hostname")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--hostname", action="store_true", help="the series of tasks for each host")

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        from ...prometheus.exposition import exposition
        from ...prometheus.sources import ask

        learn_hosts()
        answers = ask(by_host=options["hostname"])
        if answers.is_nothing_known:
            raise CommandRefused(_("neither the store nor the broker answers"), NO_ANSWER)
        try:
            text = exposition(answers).body.decode()
        except ExtraMissing as error:
            raise CommandRefused(str(error)) from error
        return Answer({"text": text}, text.rstrip("\n").split("\n"))
