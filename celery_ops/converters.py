"""Any text as one segment of a URL: task ids, hostnames and queue names are whatever somebody chose."""

from typing import Final
from urllib.parse import quote, unquote

#: Segments that mean something else: dots lead up, and what is posted goes to ``schedules/act/``.
TAKEN: Final = (".", "..", "act")


class AnyText:
    """Quoted once more than a URL is, so that no proxy or browser takes a part of the text for a path."""

    regex = "(?s:.+)"

    def to_python(self, value: str) -> str:
        return unquote(value, errors="surrogatepass")

    def to_url(self, value: str) -> str:
        quoted = quote(value, safe="", errors="surrogatepass")
        return "".join(f"%{ord(character):02X}" for character in quoted) if quoted in TAKEN else quoted
