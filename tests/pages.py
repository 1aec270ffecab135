"""What a page says, read from its HTML: words, rows, links, fields and regions."""

from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from html.parser import HTMLParser

from django.http import HttpResponse


def html_of(response: HttpResponse) -> str:
    """Return the HTML of a page that was answered."""
    assert response.status_code == 200
    return response.text


@dataclass
class Element:
    """One element of a page: its attributes as a browser has them, and where what is in it begins and ends."""

    tag: str
    attributes: dict[str, str | None]
    page: str
    begin: int
    end: int

    @property
    def html(self) -> str:
        return self.page[self.begin : self.end]

    def has(self, attributes: dict[str, object]) -> bool:
        """Whether it has these attributes; True is for any value."""
        return all(
            name in self.attributes and wanted in (True, self.attributes[name] or "")
            for name, wanted in attributes.items()
        )


class Parser(HTMLParser):
    """Finds the elements in the order in which they begin, and the text around them as it is written."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=False)
        self.page, self.elements, self.written = page, [], []
        self._open: list[Element] = []
        self._lines = [0]
        for line in page.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        self.feed(page)
        self.close()

    def _here(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs), self.page, self._here() + len(self.get_starttag_text()), len(self.page))
        self.elements.append(element)
        self._open.append(element)
        self.written.append("" if tag == "wbr" else " ")

    def handle_endtag(self, tag):
        self.written.append(" ")
        if tag in (element.tag for element in self._open):
            while (element := self._open.pop()).tag != tag:  # one that has no end, such as an input
                element.end = element.begin
            element.end = self._here()

    def handle_data(self, data):
        self.written.append(data)

    def handle_entityref(self, name):
        self.written.append(f"&{name};")

    def handle_charref(self, name):
        self.written.append(f"&#{name};")


parsed = lru_cache(maxsize=16)(Parser)


def elements(html: str, tag: str = "", **attributes: object) -> list[Element]:
    """Return the elements of a tag that have some attributes, with ``_`` for ``-``; True is for any value."""
    wanted = {name.strip("_").replace("_", "-"): value for name, value in attributes.items()}
    return [element for element in parsed(html).elements if tag in ("", element.tag) and element.has(wanted)]


def words(html: str) -> str:
    """Return the text of it, still escaped: what a visitor wrote shows whether it is text."""
    return " ".join("".join(parsed(html).written).split())


def text_of(html: str) -> str:
    """Return what a person reads of it."""
    return " ".join(unescape(words(html)).split())


def region(html: str, name: str) -> str | None:
    """Return the HTML of one live region, None when the page has none of that name."""
    found = elements(html, data_region=name)
    return found[0].html if found else None


def heads(html: str) -> list[str]:
    """Return the heads of all columns."""
    return [text_of(head.html) for head in elements(html, "th")]


def rows(html: str) -> dict[str | int, dict[str, str]]:
    """Return the rows of all tables: ``{data-key: {column: text}}``."""
    found: dict[str | int, dict[str, str]] = {}
    for row in elements(html, "tr"):
        if row.attributes:
            cells = elements(row.html, "td", data_label=True)
            key = row.attributes.get("data-key", len(found))
            found[key] = {cell.attributes["data-label"]: text_of(cell.html) for cell in cells}
    return found


def ids(html: str) -> list[str]:
    """Return the keys of the rows, from the top."""
    return [row.attributes["data-key"] for row in elements(html, "tr", data_key=True)]


def states(html: str) -> list[str]:
    """Return the states of a panel's rows, from the top."""
    return [row.attributes["data-state"] for row in elements(html, "tr", data_state=True)]


def attribute(html: str, name: str) -> list[str]:
    """Return every value of an attribute."""
    return [element.attributes[name] or "" for element in elements(html, **{name: True})]


def links(html: str) -> list[tuple[str, str]]:
    """Return what each link says and where it leads."""
    return [(text_of(link.html), link.attributes["href"]) for link in elements(html, "a", href=True)]


def link(html: str, **marked: object) -> str | None:
    """Return the address of the first link that has these attributes."""
    found = elements(html, "a", href=True, **marked)
    return found[0].attributes["href"] if found else None


def value(html: str, name: str) -> str | None:
    """Return what a field is filled with, None when it is empty or the page has no such one."""
    for field in elements(html, name=name):
        if field.tag == "textarea":
            return unescape(field.html).removeprefix("\n") or None
        if field.tag == "input":
            return field.attributes.get("value")
    return None
