"""``inspect``: what the workers say of themselves, all of them asked at once, as JSON that may be kept."""

import json
import os
from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...backends.remote import gather, presence
from ...backends.remote.known_workers import is_hostname
from ...backends.remote.looks import Answers
from ...exceptions import BrokerUnavailable
from ...formatting import clean
from .. import files
from ..inspection import ALL, METHODS, USUAL, shown
from .asking import check_hosts, one_line, seconds
from .base import DONE, NO_ANSWER, Answer, CommandRefused, Subcommand, Terminal


class Inspect(Subcommand):
    examples = (
        "manage.py celery_ops inspect",
        "manage.py celery_ops inspect active --destination celery@web1 --timeout 5",
        "manage.py celery_ops inspect all --output /var/tmp/workers.json",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        named = f"all, or some of {', '.join(METHODS)}; without any {', '.join(USUAL)}"
        add("methods", nargs="*", type=method, metavar="METHOD", help=named)
        add("--destination", action="append", type=hostname, metavar="HOST", help="ask this worker; may be repeated")
        add("--timeout", type=seconds, metavar="S", help="how long to wait for answers; else CONTROL_TIMEOUT")
        add("--output", metavar="FILE", help="write the JSON there, whole or not at all")

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        output = options["output"]
        if output is not None:
            _check_folder(output)
        questions = {name: METHODS[name] for name in _wanted(options["methods"])}
        try:
            bound = presence.learn()
            answers = gather.ask(questions, options["destination"], timeout=options["timeout"])
        except BrokerUnavailable as error:
            raise CommandRefused(
                _("the broker does not answer: %(reason)s") % {"reason": one_line(error)}, NO_ANSWER
            ) from error
        if bound and options["destination"]:  # a broker that names nobody cannot tell who is missing from a slip
            check_hosts(answers.silent, bound)
        data = document(answers)
        if output is not None:
            _write(output, data)
        code = DONE if data["workers"] else NO_ANSWER
        return Answer(data, tuple(_summary(data, output) if output is not None else _lines(data)), code)


def method(name: str) -> str:
    """Read the name of something that workers may be asked."""
    if name not in METHODS and name != "all":
        text = _("%(name)r is none that may be asked: %(names)s")
        raise ArgumentTypeError(text % {"name": name, "names": ", ".join(("all", *METHODS))})
    return name


def hostname(name: str) -> str:
    """Read a worker's name: Celery gives each an ``@``."""
    before, _at, after = name.partition("@")
    if not (is_hostname(name) and before and after) or any(map(str.isspace, name)):
        text = _("%(name)r is no worker's hostname, which is like celery@web1")
        raise ArgumentTypeError(text % {"name": clean(name, 100)})
    return name


def document(answers: Answers) -> dict[str, Any]:
    """Return the answers as JSON carries them, without secrets."""
    return {
        "collected_at": answers.collected_at.isoformat(),
        "workers": {
            host: {name: shown(name, reply) for name, reply in sorted(parts.items())}
            for host, parts in sorted(answers.replies.items())
        },
        "no_reply": list(answers.silent),
    }


def _wanted(methods: Sequence[str]) -> Sequence[str]:
    if "all" in methods:
        return tuple(dict.fromkeys((*ALL, *(name for name in methods if name != "all"))))
    return tuple(dict.fromkeys(methods)) or USUAL


def _check_folder(path: str) -> None:
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise CommandRefused(_("there is no folder %(folder)s to write to") % {"folder": folder})
    if os.path.isdir(path):
        raise CommandRefused(_("%(path)s is a folder: name a file in it") % {"path": path})


def _write(path: str, data: Mapping[str, Any]) -> None:
    try:
        files.replace(path, json.dumps(data, indent=2, sort_keys=True) + "\n")
    except OSError as error:
        text = _("%(path)s could not be written: %(reason)s; what was there is untouched")
        raise CommandRefused(text % {"path": path, "reason": error.strerror or error}) from error


def _summary(data: Mapping[str, Any], path: str) -> Iterator[str]:
    workers = len(data["workers"])
    text = ngettext("%(n)s worker's answers written to %(path)s", "%(n)s workers' answers written to %(path)s", workers)
    yield text % {"n": workers, "path": path}
    yield from _silent(data)


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    for host, parts in data["workers"].items():
        yield host
        for name, reply in parts.items():
            first, *others = json.dumps(reply, indent=2, sort_keys=True).splitlines() if reply else [_("nothing")]
            yield f"  {name}: {first}"
            yield from (f"  {line}" for line in others)
    yield from _silent(data)
    if not data["workers"]:
        yield _("No worker answered.")


def _silent(data: Mapping[str, Any]) -> Iterator[str]:
    yield from (_("%(host)s: no reply") % {"host": host} for host in data["no_reply"])
