"""The text that is scraped, in the format that the scraper asks for."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext as _

from ..conf import conf
from ..exceptions import ExtraMissing
from . import celery_names, flower_names
from .families import Family
from .sources import Answers

#: Which module has the names that METRICS_NAMES calls for.
_NAMES: Final = {"celery": celery_names, "flower": flower_names}
#: What an Accept header says of names that are no plain identifiers.
_ESCAPING: Final = re.compile(r";\s*escaping\s*=[^;,]*", re.I)


class Exposition(NamedTuple):
    """The body, and its Content-Type."""

    body: bytes
    content_type: str


def exposition(answers: Answers, accept: str = "") -> Exposition:
    """Return what is known, as ``accept`` (an Accept header) wants it. Raises ExtraMissing without the library."""
    try:
        from prometheus_client import Metric
        from prometheus_client.exposition import choose_encoder
    except ImportError as error:
        raise ExtraMissing(_("prometheus_client is not installed. Install django-celery-ops[metrics].")) from error
    names = _NAMES.get(conf.METRICS_NAMES, celery_names)
    families = [family for family in names.families(answers) if family.samples]
    encode, content_type = _choice(choose_encoder, accept)
    heads = encode(_Heads([Metric(family.name, family.documentation, family.kind) for family in families]))
    return Exposition("".join(_parts(heads.decode(), families)).encode(), content_type)


def _choice(choose_encoder: Callable[[str], tuple[Any, str]], accept: str) -> tuple[Any, str]:
    """Return how to write the heads, and the Content-Type that says so.

    Our names are what they are under any scheme of escaping but one, which doubles underscores: none is heeded.
    """
    try:
        return choose_encoder(_ESCAPING.sub("", accept) if accept.isascii() else "")
    except (TypeError, ValueError):  # a version that is none
        return choose_encoder("")


class _Heads:
    """A collector of families without samples: what is written of them are their heads."""

    def __init__(self, metrics: Sequence[Any]) -> None:
        self._metrics = metrics

    def collect(self) -> Sequence[Any]:
        return self._metrics


def _parts(heads: str, families: Sequence[Family]) -> Iterator[str]:
    """Yield the heads, and after each the samples of its family."""
    rest = iter(families)
    for line in heads.splitlines(keepends=True):
        yield line
        if line.startswith("# TYPE "):
            yield next(rest).samples
