"""Texts, each said again and again, that made or might make redaction slow: a few for every pattern."""

from itertools import count, islice

UNITS = (
    "a word ",
    "é",
    "\ud800",
    "\\",
    "'\"",
    "[",
    "(]",
    ";",
    *("key", "key ", "key.", "key)", "key\t\t\t\t\t\t\t\t", '"key" ', 'key a b c d e f "', "İkey=", "passpin", "otp:"),
    *(
        "key=",
        "key=1,",
        "key=1 ",
        "key: ",
        "key=        ",
        "key=é",
        'key=\\"',
        'key="\\"',
        "%3Dkey=",
        "--key x ",
        "--pass",
    ),
    *("'key',", "('key',", "['key', a]", "['key', 'a'", '"key" value=', '"key","value":'),
    *("<key>", "<key", "<key a", "<key a='", "<key></key>", "&lt;key&gt;", "\\u003ekey\\u003c"),
    *("key:\n  ", "key:\n- ", "key: |\n  a", "key: |\n  a\n", "key: !a ", "key:\n"),
    *("key=[", "key=('\"", "key=(')\\' ", "'key': [", "cookie:", "Cookie: a", "bearer key=basic "),
    *("apiError: (", "authError: ('", "tokenFailure: [", "{'auth': Error('api: (\"", "A" * 63 + "ed:", "BadA"),
    *("eyJ", "eyJaaaaaa ", "eyJa.b.c ", "Bearer ", "://", "://:", "://a:b", "://a:/", "://a:b@"),
    *("-----", "-----BEGIN A-----", "-----END A-----"),
    *("ghp_", "xoxb-", "sk_live_", "AIza", "AKIA", "SG.", "hooks.slack.com/services/", "glpat-"),
    *("a1B2c3D4" * 4, "a1B2c3D4" * 5 + " ", "0123456789abcdef" * 4 + " ", "a" * 31 + " ", "A1" * 15 + " "),
    *("4 ", "42 ", "444 ", "4444 ", "4242 4242 4242 4242 ", "5.4242424242424242 ", "2026-01-15 ", "4          "),
    *("DE89", "DE89 ", "AB12 CDEF GH34 "),
    *("mysql -p", "mysql -px ", "curl -u ", "sshpass -p'", "-p "),
)


def text_of(unit: str, size: int) -> str:
    """Return ``size`` characters of a unit, again and again."""
    return (unit * (size // len(unit) + 1))[:size]


def arguments_of(unit: str, size: int) -> list[tuple]:
    """Return arguments of about ``size`` characters: one text, a few, and many short ones."""
    several, many = text_of(unit, size // 20), text_of(unit, 15)
    return [(text_of(unit, size),), ([several] * 20,), ([[[many] * 20] * 20] * max(1, size // 8000),)]


def values_of(size: int) -> dict[str, list]:
    """Return values of about ``size`` characters that are many for their length, by their names."""
    leaves = {
        "lists": ([] for _ in count()),
        "lists of a number": ([number] for number in count()),
        "dicts": ({f"{number:x}": 0} for number in count()),
        "sets": ({number} for number in count()),
        "texts": (f"{number:x}" for number in count()),
        "passwords": ({"pwd": number} for number in count()),
    }
    return {name: _nested(list(islice(made, size // LENGTHS.get(name, 5)))) for name, made in leaves.items()}


#: Characters of a leaf where it is not 5.
LENGTHS = {"lists": 4, "dicts": 10, "passwords": 15, "lists of a number": 7}


def _nested(values: list) -> list:
    while len(values) > 20:
        values = [values[at : at + 20] for at in range(0, len(values), 20)]
    return values
