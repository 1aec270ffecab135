"""How names are written in the store's keys. Imports next to nothing: a probe that asks for one key wants no more."""

import hashlib
import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote

#: What a key carries as it is; anything else takes ten times as long to find out.
_PLAIN: Final = re.compile(r"[\w.~-]{1,200}", re.ASCII)
#: Bytes of a worker's name that are kept as they are where room is short.
SHORT_HOST: Final = 36


@lru_cache(maxsize=1024)
def quoted(prefix: str) -> str:
    """Return the first part of every key."""
    return quote(prefix, safe=":", errors="surrogatepass")  # a message may say any text


def part(text: str) -> str:
    """Return a part of a key that stands for ``text``."""
    if (text.isalnum() and text.isascii() and len(text) <= 200) or _PLAIN.fullmatch(text):
        return text
    whole = quote(text, safe="", errors="surrogatepass")
    return whole if len(whole) <= 200 else f"sha256-{hashlib.sha256(whole.encode()).hexdigest()}"


def short_host(hostname: str) -> str:
    """Return what stands for a worker where room is short: the name, or its beginning and a digest."""
    raw = hostname.encode("utf-8", "surrogatepass")
    if len(raw) <= SHORT_HOST:
        return hostname
    return f"{raw[: SHORT_HOST - 13].decode('utf-8', 'ignore')}~{hashlib.sha256(raw).hexdigest()[:12]}"


def worker_key(prefix: str, host: str) -> str:
    """Return the key of a worker's beat; ``host`` is what ``short_host`` makes of its name."""
    return f"{quoted(prefix)}:worker:{part(host)}"
