"""``manage.py celery_ops``: what the pages do, for deploy hooks and terminals."""

import json
import logging
import sys
from argparse import SUPPRESS, RawDescriptionHelpFormatter
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ..subcommands import SUBCOMMANDS
from ..subcommands.base import USAGE, Answer, Refused, Terminal

#: Django's own options, which may be written after the subcommand too.
DJANGOS = (
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
            self.exit(USAGE, f"{self.prog}: {message}\n")
        raise CommandError(f"Error: {message}", returncode=USAGE)


class Command(BaseCommand):
    help = "Celery operations: prune, and more. Each subcommand has its own --help."
    # A hook must not fail for a check that has nothing to do with it, nor wait for one.
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = OneLineParser
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        shared = {"parser_class": OneLineParser, "dest": "subcommand", "required": True, "metavar": "SUBCOMMAND"}
        subparsers = parser.add_subparsers(**shared)
        for name, subcommand in SUBCOMMANDS.items():
            self._add(subparsers, name, subcommand())

    def _add(self, subparsers: Any, name: str, subcommand: Any) -> None:
        examples = "\n".join(("examples:", *(f"  {example}" for example in subcommand.examples)))
        parser = subparsers.add_parser(
            name,
            help=subcommand.help,
            description=subcommand.help,
            epilog=examples,
            formatter_class=RawDescriptionHelpFormatter,
        )
        subcommand.add_arguments(parser)
        parser.add_argument("--format", choices=("text", "json"), default="text", help="what is printed")
        for names, options in DJANGOS:
            parser.add_argument(*names, default=SUPPRESS, help=SUPPRESS, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        _quieten()
        terminal = Terminal(options["verbosity"], is_live=_is_live(options), stderr=self.stderr)
        try:
            answer = SUBCOMMANDS[options["subcommand"]]().run(options, terminal)
        except Refused as error:
            raise CommandError(str(error), returncode=error.code) from error
        self._print(answer, options)
        if answer.code:
            sys.exit(answer.code)

    def _print(self, answer: Answer, options: dict[str, Any]) -> None:
        if options["format"] == "json":
            self.stdout.write(json.dumps(answer.data, indent=2, sort_keys=True))
        elif options["verbosity"] > 0:
            for line in answer.lines:
                self.stdout.write(line)


def _quieten() -> None:
    """Where the site logs nowhere, Python would print our warnings, tracebacks too: the answer says it in one line."""
    logger = logging.getLogger("celery_ops")
    if not logger.hasHandlers():
        logger.addHandler(logging.NullHandler())


def _is_live(options: dict[str, Any]) -> bool:
    return options["format"] == "text" and sys.stderr.isatty()
