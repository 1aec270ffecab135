"""``manage.py celery_ops``: what the pages do, for deploy hooks and terminals."""

import json
import logging
import os
import sys
from argparse import SUPPRESS, RawDescriptionHelpFormatter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from io import StringIO
from typing import Any, Final, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError
from django.utils.translation import gettext as _

from ...databases import writer
from ...exceptions import BackendUnavailable, BadInput, NotDone
from ...logs import get_logger
from ..subcommands import SUBCOMMANDS, Summary
from ..subcommands.base import FAILED, NO_ANSWER, USAGE, Answer, CommandRefused, Terminal
from ..tables import printable

#: Django's own options, which may be written after the subcommand too.
DJANGOS: Final[tuple[tuple[tuple[str, ...], dict[str, Any]], ...]] = (
    (("-v", "--verbosity"), {"type": int, "choices": [0, 1, 2, 3]}),
    (("--settings",), {}),
    (("--pythonpath",), {}),
    (("--traceback",), {"action": "store_true"}),
    (("--no-color",), {"action": "store_true"}),
    (("--force-color",), {"action": "store_true"}),
)


class OneLineParser(CommandParser):
    """Says what is wrong in one line, and exits with 2."""

    def error(self, message: str) -> NoReturn:
        if self.called_from_command_line:
            self.exit(USAGE, f"{self.prog}: {printable(message)}\n")
        raise CommandError(f"Error: {printable(message)}", returncode=USAGE)


class SubcommandParser(OneLineParser):
    """Learns what its subcommand takes when that one is asked for."""

    named: Summary | None = None

    def learn(self) -> None:
        if self.named is None:
            return
        subcommand, self.named = self.named.load(), None
        subcommand.add_arguments(self)
        self.add_argument("--format", choices=("text", "json"), default="text", help="what is printed")
        for names, options in DJANGOS:
            self.add_argument(*names, default=SUPPRESS, help=SUPPRESS, **options)
        self.set_defaults(run=subcommand.run)
        self.epilog = "\n".join(("examples:", *(f"  {example}" for example in subcommand.examples)))

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.learn()
        return super().parse_known_args(args, namespace)


class Nowhere(StringIO):
    """Takes what is printed where the caller has closed the output, for which Python has None."""

    def write(self, text: str) -> int:
        return len(text)


class Command(BaseCommand):
    help = "Celery operations: prune, and more. Each subcommand has its own --help."
    # A hook must not fail for a check that has nothing to do with it, nor wait for one.
    requires_system_checks = []

    def __init__(self, stdout: Any = None, stderr: Any = None, **options: Any) -> None:
        super().__init__(stdout or sys.stdout or Nowhere(), stderr or sys.stderr or Nowhere(), **options)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = OneLineParser
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        subparsers = parser.add_subparsers(parser_class=SubcommandParser, metavar="SUBCOMMAND")
        for name, subcommand in SUBCOMMANDS.items():
            added = subparsers.add_parser(
                name,
                help=subcommand.help,
                description=subcommand.help,
                formatter_class=RawDescriptionHelpFormatter,
            )
            added.named = subcommand
            if not parser.called_from_command_line:  # call_command looks through the options of all
                added.learn()

    def handle(self, *args: Any, **options: Any) -> None:
        if "run" not in options:
            text = _("name a subcommand: %(names)s") % {"names": ", ".join(SUBCOMMANDS)}
            raise CommandError(text, returncode=USAGE)
        _quieten()
        terminal = Terminal(options["verbosity"], is_live=self._is_live(options), stderr=self.stderr)
        try:
            with writer():
                answer = options["run"](options, terminal)
                if answer.stream is not None:
                    self._print(answer.stream, at_once=True)
        except CommandRefused as error:
            raise CommandError(printable(str(error)), returncode=error.code) from error
        except (BackendUnavailable, BadInput, NotDone) as error:
            raise CommandError(printable(str(error)), returncode=_code(error)) from error
        except DatabaseError as error:
            from ..subcommands.asking import one_line  # dear to import

            text = _("the database does not answer: %(reason)s") % {"reason": one_line(error)}
            raise CommandError(text, returncode=FAILED) from error
        if answer.stream is None:
            self._print(_shown(answer, options))
        if answer.code:
            sys.exit(answer.code)

    def _print(self, lines: Iterable[str], *, at_once: bool = False) -> None:
        try:
            for line in lines:
                self.stdout.write(self._encodable(line))
                if at_once:
                    self.stdout.flush()
            self.stdout.flush()
        except BrokenPipeError:  # whoever reads has seen enough, such as head
            _drop_output()
        except OSError as error:
            _drop_output()
            reason = error.strerror or type(error).__name__
            text = _("the answer could not be written: %(reason)s") % {"reason": reason}
            raise CommandError(text, returncode=FAILED) from error

    def _is_live(self, options: dict[str, Any]) -> bool:
        return options["format"] == "text" and self.stderr.isatty()

    def _encodable(self, line: str) -> str:
        """Return a line as the terminal's or the pipe's encoding has it, with escapes for what that has not."""
        encoding = getattr(self.stdout, "encoding", None) or "utf-8"
        return line.encode(encoding, "backslashreplace").decode(encoding)


def _code(error: BackendUnavailable | BadInput | NotDone) -> int:
    if isinstance(error, BadInput):
        return USAGE
    return FAILED if isinstance(error, NotDone) and error.record is None else NO_ANSWER


def _shown(answer: Answer, options: dict[str, Any]) -> Sequence[str]:
    if options["format"] == "json":
        return [json.dumps(answer.data, indent=2, sort_keys=True)]
    return answer.lines if options["verbosity"] > 0 else ()


def _drop_output() -> None:
    """Python writes what is left once more when it ends, and would complain again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _quieten() -> None:
    """Where the site logs nowhere, Python would print our warnings, tracebacks too: the answer says it in one line."""
    logger = get_logger("celery_ops")
    if not logger.hasHandlers():
        logger.addHandler(logging.NullHandler())
