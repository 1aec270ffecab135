"""``doctor``: every part tried for real, with the remedy for each that ails."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from ..tables import printable
from .base import DONE, FAILED, Answer, Subcommand, Terminal


class Doctor(Subcommand):
    examples = ("manage.py celery_ops doctor", "manage.py celery_ops doctor --format json")

    def add_arguments(self, parser: CommandParser) -> None:
        """It takes nothing of its own."""

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        from ...doctor import ERROR, diagnose  # dear to import, and a hook that prunes has no use for it

        findings = diagnose()
        fails = any(finding.level == ERROR for finding in findings)
        data = {"ok": not fails, "checks": [asdict(finding) for finding in findings]}
        return Answer(data, [*_lines(findings)], FAILED if fails else DONE)


def _lines(findings: Sequence[Any]) -> Iterator[str]:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        yield printable(f"{finding.level:<7}  {finding.name:<{width}}  {finding.message}")
        if finding.hint:
            yield printable(f"{'':<7}  {'':<{width}}  -> {finding.hint}")
