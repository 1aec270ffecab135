"""The questions that all others ask: what may be kept and shown of arguments, results, messages and texts."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import wraps
from itertools import islice
from typing import Any, Final

from billiard.exceptions import SoftTimeLimitExceeded

from ..logs import get_logger
from .budget import Budget
from .fitting import MAX_BYTES, Captured, briefly, encode, fit
from .hidden_texts import hidden_texts, without
from .keys import LONGEST_NAME, NAME, Rules
from .repeats import SHORTEST_SECRET, Secrets
from .site import site
from .text import are_quiet, is_quiet, scrub
from .walk import BREADTH, FAILED, HARMLESS, PLAIN, UUID_LENGTH, UUID_TEXT, Name, Walk

logger = get_logger("celery_ops.redaction")

SECRETS: Final = 64
#: Characters of a line of which it may be told at once that nothing in it is hidden.
QUIET_LINE: Final = 300
#: Lines of which that is told together.
QUIET_LINES: Final = 10
WORD: Final = re.compile(r"[^\W\d][\w.-]*")
UNPLAIN: Final = re.compile(r"\\|\de\+")  # an escape may be part of a secret, and 4.1e+15 be a card


def _or_else(fallback: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except SoftTimeLimitExceeded:
                raise
            except Exception as error:  # of a value's own methods; its words are not to be shown
                logger.debug("A value could not be read: %s", type(error).__name__)
                return fallback

        return wrapper

    return decorate


@_or_else(Captured(FAILED, False))
def capture_arguments(
    args: Any,
    kwargs: Any,
    *,
    parameters: Sequence[Name] = (),
    sensitive: Collection[str] = (),
    mode: str = "redacted",
    budget: Budget | None = None,
    brief: bool = False,
) -> Captured:
    """Return a task's arguments as the JSON text ``{"args": [...], "kwargs": {...}}``. Never raises.

    ``parameters`` names the positional arguments in order, a tuple of names one that may have any of them;
    ``sensitive`` are those that never show. What one argument hides, no other shows. ``mode`` is ``none``, ``redacted``
    or ``full``; the bounds hold in each. ``budget`` is that of one field, its own where none is given. ``brief`` text
    is ``[...],{...}``, without spaces, and without the second where that is empty.
    """
    if mode == "none":
        return Captured("", False)
    args, kwargs = () if args is None else args, {} if kwargs is None else kwargs
    if text := tiny_arguments(args, kwargs, parameters, sensitive, brief):
        return Captured(text, True)
    budget = budget or Budget()
    walk = Walk.in_mode(mode, sensitive=sensitive, budget=budget)
    plain = walk.arguments(args, kwargs, parameters)
    if walk.hid or walk.missed:
        named = hidden_texts(args, kwargs, parameters, sensitive, Budget(0))
        secrets = _secrets((*walk.replaced, *named, *walk.hidden.texts))
        if secrets and not walk.is_cut:
            hidden, again = Secrets(secrets), budget.again()
            plain = {part: without(values, hidden, again) for part, values in plain.items()}
        elif secrets:
            once_more = walk.hidden.once_more()
            walk = Walk.in_mode(mode, sensitive=sensitive, secrets=secrets, budget=budget.again())
            walk.hidden = once_more
            plain = walk.arguments(args, kwargs, parameters)
    return _captured(walk, plain, briefly if brief else encode)


@_or_else(Captured(FAILED, False))
def capture_value(
    value: Any,
    *,
    name: str = "",
    mode: str = "redacted",
    secrets: Sequence[str] = (),
    budget: Budget | None = None,
) -> Captured:
    """Return a result as JSON text, without the given ``secrets`` (see ``secrets_of``). Never raises."""
    if mode == "none":
        return Captured("", False)
    walk = Walk.in_mode(mode, secrets=secrets, budget=budget)
    return _captured(walk, walk.argument(value, name))


def _captured(walk: Walk, plain: Any, encode: Callable[[Any], str] = encode) -> Captured:
    captured = fit(plain, walk.exact, encode)[1]
    return Captured(captured.text, False, typed=captured.exact) if walk.typed else captured


@_or_else(Captured(FAILED, False))
def capture_text(
    text: str | None, *, secrets: Sequence[str] = (), tail: bool = False, budget: Budget | None = None
) -> Captured:
    """Return an error message, or with ``tail`` the last part of a traceback, redacted. Never raises."""
    if text is None or not issubclass(type(text), str):
        return Captured("", text is None)
    hidden = Secrets(secrets) if secrets else None
    return Captured(*scrub(text, MAX_BYTES, site()[0], hidden, tail, budget))


class LineRedactor:
    """Redacts many short texts, each for itself, as ``capture_text`` does; without the given ``secrets``."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self._secrets = Secrets(secrets) if secrets else None

    def lines(self, texts: Sequence[str]) -> list[str]:
        """Return the texts, redacted, in their order. Never raises."""
        rules = site()[0]
        redacted: list[str] = []
        for first in range(0, len(texts), QUIET_LINES):
            together = texts[first : first + QUIET_LINES]
            redacted += together if self._are_quiet(together, rules) else self._each(together, rules)
        return redacted

    def _each(self, texts: Sequence[str], rules: Rules) -> list[str]:
        return [text if self._are_quiet([text], rules) else self._redacted(text, rules) for text in texts]

    def _are_quiet(self, texts: Sequence[str], rules: Rules) -> bool:
        """Return whether it is told at once that nothing is hidden in any of them."""
        if not all(map(str.isprintable, texts)) or max(map(len, texts)) > QUIET_LINE:
            return False
        text = texts[0] if len(texts) == 1 else "\n".join(texts)
        if not (are_quiet(text, rules) if text.isascii() else len(texts) == 1 and is_quiet(text, rules)):
            return False
        return self._secrets is None or not self._secrets.are_in(text)

    @_or_else(FAILED)
    def _redacted(self, text: str, rules: Rules) -> str:
        return scrub(text, MAX_BYTES, rules, self._secrets)[0]


@_or_else(FAILED)
def redact(value: Any, name: str = "") -> Any:
    """Return ``value`` in JSON types, redacted and within 2 KiB, for showing. Never raises."""
    walk = Walk.in_mode("redacted")
    return fit(walk.argument(value, name), walk.exact)[0]


@_or_else(())
def secrets_of(
    args: Any,
    kwargs: Any,
    *,
    parameters: Sequence[Name] = (),
    sensitive: Collection[str] = (),
    budget: Budget | None = None,
) -> tuple[str, ...]:
    """Return the texts of 4 characters or more, at most 64, that redaction hides in arguments. Never raises.

    Give them to ``capture_value`` and ``capture_text``: results and messages like to repeat them.
    """
    if tiny_arguments(args, kwargs, parameters, sensitive):
        return ()
    return _secrets(hidden_texts(args, kwargs, parameters, sensitive, budget))


@_or_else(None)
def hidden_arguments(
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    parameters: Sequence[Name] = (),
    sensitive: Collection[str] = (),
) -> frozenset[int | str] | None:
    """Return the positions and names of the arguments of which something is hidden; None when nobody can tell.

    Never raises.
    """
    secrets = secrets_of(args, kwargs, parameters=parameters, sensitive=sensitive)
    hidden: set[int | str] = set()
    names: list[tuple[int | str, Name]] = [
        (at, parameters[at] if at < len(parameters) else "") for at in range(len(args))
    ]
    for place, name in (*names, *((name, name) for name in kwargs)):
        walk = Walk.in_mode("redacted", sensitive=sensitive, secrets=secrets)
        walk.argument(args[place] if isinstance(place, int) else kwargs[place], name)
        if walk.hid or walk.budget.is_spent:
            hidden.add(place)
    return frozenset(hidden)


def _secrets(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(islice((text for text in texts if len(text) >= SHORTEST_SECRET), SECRETS)))


def asks_the_site() -> bool:
    """Return whether a ``REDACTOR`` of the site's decides as well: it may look around itself."""
    return site()[1] is not None


def plain_text() -> Callable[[str], bool]:
    """Return what says whether nothing in a short text of arguments can be hidden, whichever words in it are names.

    What cannot be told at once is not plain. The rules are those of now.
    """
    rules, redactor = site()

    @_or_else(False)
    def is_plain(text: str) -> bool:
        if redactor is not None or len(text) > LONGEST_NAME or UNPLAIN.search(text):
            return False
        if rules.hides(text) or any(map(rules.hides, WORD.findall(text))):
            return False
        return scrub(text, MAX_BYTES, rules) == (text, True)

    return is_plain


@_or_else(None)
def tiny_arguments(
    args: Any, kwargs: Any, parameters: Sequence[Name] = (), sensitive: Collection[str] = (), brief: bool = True
) -> str | None:
    """Return the text of a few numbers, words and UUIDs, of which nothing is hidden; None of anything else.

    It takes microseconds, and is what ``capture_arguments`` makes of them in each mode but ``none``.
    """
    rules, redactor = site()
    if redactor is not None or type(args) not in (tuple, list) or type(kwargs) is not dict:
        return None
    if len(args) > BREADTH or len(kwargs) > BREADTH:
        return None
    listed, named = [], []
    for position, value in enumerate(args):
        name = parameters[position] if position < len(parameters) else ""
        if type(name) is tuple or (text := _plainly(value)) is None:
            return None
        if name and (name in sensitive or rules.hides(name)):
            return None
        listed.append(text)
    for name, value in kwargs.items():
        if type(name) is not str or len(name) > NAME or not (name.islower() and name.isidentifier()):
            return None
        if (text := _plainly(value)) is None or name in sensitive or rules.hides(name):
            return None
        named.append(f'"{name}":{text}' if brief else f'"{name}": {text}')
    if brief:
        text = f"[{','.join(listed)}]" + (f",{{{','.join(named)}}}" if named else "")
    else:
        text = f'{{"args": [{", ".join(listed)}], "kwargs": {{{", ".join(named)}}}}}'
    return text if len(text) <= MAX_BYTES // 4 else None


def _plainly(value: Any) -> str | None:
    """The JSON of a value that cannot hold a secret by itself, else None."""
    kind = type(value)
    if kind is int and -HARMLESS < value < HARMLESS:
        return str(value)
    if kind is str and (
        (len(value) <= PLAIN and value.isalnum()) or (len(value) == UUID_LENGTH and UUID_TEXT.fullmatch(value))
    ):
        return f'"{value}"'
    return None
