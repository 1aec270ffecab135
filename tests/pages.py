"""What a page says, read from its HTML: words, rows, links and regions."""

import re
from html import unescape

from django.http import HttpResponse


def html_of(response: HttpResponse) -> str:
    """Return the HTML of a page that was answered."""
    assert response.status_code == 200
    return response.content.decode()


def words(html: str) -> str:
    """Return the text of it, still escaped: what a visitor wrote shows whether it is text."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def text_of(html: str) -> str:
    """Return what a person reads of it."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def region(html: str, name: str) -> str | None:
    """Return the HTML of one live region, None when the page has none of that name."""
    found = re.search(
        rf'<(\w+)[^>]* data-region="{name}"[^>]*>(.*?)(?=<\w+[^>]* data-region=|</celery-ops-page>)', html, re.S
    )
    return found[2] if found else None


def heads(html: str) -> list[str]:
    """Return the heads of all columns."""
    return [text_of(head) for head in re.findall(r"<th\b[^>]*>(.*?)</th>", html, re.S)]


def rows(html: str) -> dict[str | int, dict[str, str]]:
    """Return the rows of all tables: ``{data-key: {column: text}}``."""
    found = {}
    for attrs, row in re.findall(r"<tr ([^>]*)>(.*?)</tr>", html, re.S):
        key = re.search(r'data-key="([^"]*)"', attrs)
        cells = re.findall(r'<td[^>]*data-label="([^"]*)"[^>]*>(.*?)</td>', row, re.S)
        found[unescape(key[1]) if key else len(found)] = {label: text_of(cell) for label, cell in cells}
    return found


def ids(html: str) -> list[str]:
    """Return the keys of the rows, from the top, as they are written."""
    return re.findall(r'<tr [^>]*?data-key="([^"]*)"', html)


def states(html: str) -> list[str]:
    """Return the states of a panel's rows, from the top."""
    return re.findall(r'<tr data-key="[^"]*" data-state="([^"]*)"', html)


def attribute(html: str, name: str) -> list[str]:
    """Return every value of an attribute, as it is written."""
    return re.findall(rf' {name}="([^"]*)"', html)


def links(html: str) -> list[tuple[str, str]]:
    """Return what each link says and where it leads."""
    found = re.findall(r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', html, re.S)
    return [(text_of(words), unescape(url)) for url, words in found]


def link(html: str, marked: str) -> str | None:
    """Return the address of the first link whose tag has ``marked`` in it, a regular expression."""
    found = re.search(rf"<a [^>]*{marked}[^>]*>", html)
    return unescape(re.search(r'href="([^"]*)"', found[0])[1]) if found else None
