"""Secrets of every kind that redaction knows, and how a text shows that it has one of them."""

import itertools

from celery_ops.conf import DEFAULTS
from tests.unit.test_redaction_shapes import SHAPES

_numbers = itertools.count(1)


def _hidden_by_name_alone() -> str:
    """Return a text that looks like a word, another each time: nothing but its name, or a repetition, gives it away."""
    return f"vaulted{next(_numbers)}zebra"


CARD = _hidden_by_name_alone()
BROKER, STORE, METRICS, WEBHOOK, HEADER, SCHEDULED, TYPED, POSTED, STAMPED = (_hidden_by_name_alone() for _ in range(9))
#: An argument for each of REDACT_KEYS, by that name, as part of one, and within a value.
NAMED = {
    **{f"{key.lstrip('=')}": _hidden_by_name_alone() for key in DEFAULTS["REDACT_KEYS"]},
    **{f"old_{key.lstrip('=')}": [_hidden_by_name_alone()] for key in DEFAULTS["REDACT_KEYS"]},
    "customer": {
        "name": "Ada",
        "known": [{f"{key.lstrip('=')}_2": _hidden_by_name_alone() for key in DEFAULTS["REDACT_KEYS"]}],
    },
}
_LOGIN, _OPTION, _PAIR, _PAIRS, _ELEMENT, _COOKIE = (_hidden_by_name_alone() for _ in range(6))
#: What gives itself away wherever it stands, with the part of it that is the secret.
LOOKING = {
    **{name.partition(" ")[0]: (text, text) for name, text in SHAPES.items()},  # one of each maker
    "JWT": ("eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmVkLWJ5LXVz", "c2lnbmVkLWJ5LXVz"),
    "PEM": ("-----BEGIN " + "PRIVATE KEY-----\nTm9ib2R5IHJl\n-----END PRIVATE KEY-----", "Tm9ib2R5IHJl"),
    "bearer": ("Bearer " + "opaque.but.long.enough", "opaque.but.long.enough"),
    "URL": (f"amqp://shop:{_LOGIN}@mq.example.com/shop", _LOGIN),
    "card number": ("4242 4242 " + "4242 4242", "4242 4242 4242"),
    "option": (f"mysql -p{_OPTION} shop", _OPTION),
    "pair": (f"password={_PAIR}", _PAIR),
    "pairs": (f"[('password', '{_PAIRS}')]", _PAIRS),
    "element": (f"<password>{_ELEMENT}</password>", _ELEMENT),
    "cookie": (f"Cookie: sid={_COOKIE}\n", _COOKIE),
}


def _words(value) -> list[str]:
    if isinstance(value, dict):
        return [word for name, item in value.items() if name != "name" for word in _words(item)]
    return [word for item in value for word in _words(item)] if isinstance(value, list) else [value]


#: What must be found nowhere, by what it is a part of.
NEEDLES = {
    **{word: f"an argument: {word}" for word in _words(NAMED)},
    **{secret[-8:].rstrip("="): f"by its looks: {name}" for name, (_, secret) in LOOKING.items()},
    CARD: "sensitive",
    BROKER: "the broker's password",
    STORE: "the store's password",
    METRICS: "METRICS_TOKEN",
    WEBHOOK: "ALERT_WEBHOOK",
    HEADER: "a header of the message",
    SCHEDULED: "an argument of a schedule",
    TYPED: "typed into a form",
    POSTED: "posted as JSON",
    STAMPED: "a stamp",
}


def said(most: int = 900) -> list[str]:
    """Return texts of at most so many characters that have all of ``LOOKING``, each among words."""
    texts = [""]
    for text, _ in LOOKING.values():
        if len(texts[-1]) + len(text) > most:
            texts.append("")
        texts[-1] += f"the customer gave {text} , and "
    return texts


def found(text: str) -> set[str]:
    """Return what is in a text of what must not be."""
    return {what for needle, what in NEEDLES.items() if needle in text}
