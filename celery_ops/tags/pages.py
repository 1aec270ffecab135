"""What the templates of the operations pages write many times: facts, links, ids, times, and the site around them."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from django import template
from django.contrib.sites.shortcuts import get_current_site
from django.forms import BaseForm
from django.http import HttpRequest
from django.template.base import FilterExpression, Parser, Token
from django.template.context import Context
from django.urls import NoReverseMatch, URLResolver, get_resolver, get_script_prefix, get_urlconf, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from .. import formatting
from ..payload import mapping
from ..tables.kept import Keepable, kept
from ..tables.links import PageLink, id_html
from ..tables.links import linked as links_html
from ..tracking.decorators import part_of_a_page

register = template.Library()

#: Characters of a name that the header shows.
LONGEST_NAME: Final = 100
#: Where people log out: Django's own views, those of allauth, the admin.
LOGOUTS: Final = ("logout", "account_logout", "admin:logout")


@dataclass(frozen=True, slots=True)
class Around:
    """What our own base template says of the site; ``username`` is empty for nobody, ``logout_url`` where none is."""

    name: str
    home: str
    username: str
    logout_url: str


@register.simple_tag(takes_context=True)
@part_of_a_page
def around(context: Context) -> Around | str:
    """Return what surrounds the pages where the site gives no ``BASE_TEMPLATE``; nothing without a request."""
    request = context.get("request")
    if request is None:
        return ""
    user: Any = getattr(request, "user", None)
    is_known = getattr(user, "is_authenticated", False)
    name = formatting.clean(str(user.get_username()), LONGEST_NAME) if is_known else ""
    return Around(_site_name(request), get_script_prefix(), name, _logout_url() if is_known else "")


def _site_name(request: HttpRequest) -> str:
    """The name of ``django.contrib.sites``, and without it the host's."""
    try:
        return formatting.clean(get_current_site(request).name, LONGEST_NAME)
    except Exception:  # no row of this site, no such host: the page has other worries
        return ""


def _logout_url() -> str:
    return _logout_url_of(get_resolver(get_urlconf()), get_script_prefix(), get_language())


@lru_cache(maxsize=64)  # to look for what is not there takes as long as to write half of what is around a page
def _logout_url_of(resolver: URLResolver, prefix: str, language: str | None) -> str:
    """Return where people log out by these addresses of the site, which may begin with a language."""
    for name in LOGOUTS:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return ""


@register.tag("kept")
def do_kept(parser: Parser, token: Token) -> "KeptNode":
    """Write ``{% kept thing %}…{% endkept %}`` once for each key of a ``Keepable``.

    Things without a key are keys themselves, values or lists of them: ``{% kept sections section %}``. They are written
    once for each reader and place of the site's URLs, and so is what stands behind ``{% kept %}`` alone.
    """
    things = [parser.compile_filter(thing) for thing in token.split_contents()[1:]]
    nodes = parser.parse(("endkept",))
    parser.delete_first_token()
    return KeptNode(things, nodes)


@register.tag("kept_each")
def do_kept_each(parser: Parser, token: Token) -> "KeptEachNode":
    """Write ``{% kept_each row in rows %}…{% endkept_each %}``: of each ``Keepable`` what ``{% kept row %}`` writes."""
    try:
        _tag, name, _in, things = token.split_contents()
    except ValueError:
        raise template.TemplateSyntaxError("kept_each is written {% kept_each row in rows %}") from None
    nodes = parser.parse(("endkept_each",))
    parser.delete_first_token()
    return KeptEachNode(name, parser.compile_filter(things), nodes)


class KeptNode(template.Node):
    """The node is of one compiled template: a template that has changed keeps its own."""

    def __init__(self, things: list[FilterExpression], nodelist: template.NodeList) -> None:
        self.things, self.nodelist = things, nodelist

    def render(self, context: Context) -> SafeString:
        things = [thing.resolve(context) for thing in self.things]
        if len(things) == 1 and hasattr(things[0], "is_whole"):
            return self._written(context, things[0].key, things[0])
        return self._written(context, (_place(context), *map(_value, things)))

    def _written(self, context: Context, shown: Hashable, thing: Keepable | None = None) -> SafeString:
        html = None if shown is None else kept.get((self, shown))
        return self._anew(context, shown, thing) if html is None else html

    def _anew(self, context: Context, shown: Hashable, thing: Keepable | None) -> SafeString:
        html = self.nodelist.render(context)
        if shown is not None and (thing is None or thing.is_whole):
            kept.keep((self, shown), html)
        return html


class KeptEachNode(KeptNode):
    """A loop that does nothing for a thing that was written before but look it up."""

    def __init__(self, name: str, things: FilterExpression, nodelist: template.NodeList) -> None:
        super().__init__([things], nodelist)
        self.name = name

    def render(self, context: Context) -> SafeString:
        things = list(self.things[0].resolve(context))
        keys = [thing.key for thing in things]
        written: list[SafeString] = []
        with context.push():
            for number, html in enumerate(kept.get_each([(self, key) for key in keys])):
                if html is None:
                    context[self.name] = things[number]
                written.append(self._anew(context, keys[number], things[number]) if html is None else html)
        return SafeString("".join(written))


def _value(thing: Any) -> Hashable:
    """Return a value as a key: words that wait for their language by what they say, with whether they are HTML."""
    if isinstance(thing, (str, Promise)):
        text = str(thing)
        return text, hasattr(text, "__html__")
    return tuple(thing) if isinstance(thing, list) else thing


def _place(context: Context) -> tuple[Hashable, ...]:
    """Return what words, times and addresses depend on."""
    match = getattr(context.get("request"), "resolver_match", None)
    return formatting.reader(), get_script_prefix(), get_urlconf(), match and match.namespace


@register.simple_block_tag(end_name="endwritten")
def written(content: str) -> str:
    """Return what stands inside, written once for many places: ``{% written as envelope %}…{% endwritten %}``."""
    return content


@register.inclusion_tag("celery_ops/parts/fact.html")
def fact(label: str, value: Any, *, broad: bool = False) -> dict[str, Any]:
    """Write a value under its name; None and an empty text are unknown."""
    return {"label": label, "value": value, "broad": broad}


@register.inclusion_tag("celery_ops/parts/fact.html")
def fact_if(label: str, value: Any, *, broad: bool = False) -> dict[str, Any]:
    """Write a value under its name where there is one."""
    return {"label": label, "value": value, "broad": broad, "optional": True}


@register.inclusion_tag("celery_ops/parts/input.html")
def control_input(
    label: str, name: str, value: object = "", *, required: bool = True, **attributes: object
) -> dict[str, Any]:
    """Write a short field with its label; ``attributes`` are those of the ``<input>``, such as ``type`` and ``min``."""
    return {"label": label, "name": name, "value": str(value), "required": required, "attributes": attributes}


@register.filter
def code(value: str | None) -> str:
    """Return a text to be read letter by letter, empty when there is none."""
    return format_html("<code>{}</code>", value) if value else ""


@register.filter
def linked(links: Iterable[PageLink] | None, of: str = "objects") -> str | None:
    """Return some links in a row, in words when there are none ``of`` these; None when they are unknown."""
    return None if links is None else links_html(links, of)


@register.filter
def whole_id(link: PageLink | None) -> str:
    """Return a task's id, leading to its page, with a button that copies it; nothing without one."""
    return "" if link is None else id_html(link)


@register.filter
def short_id(link: PageLink) -> str:
    """Return the beginning of a task's id, with a button that copies all of it."""
    return id_html(link, formatting.SHORT_ID)


@register.filter
def moment(value: datetime | None) -> formatting.Moment | str:
    """Return a time as it is written; nothing when it is unknown."""
    return formatting.Moment.of(value, timezone.now()) or ""


@register.filter
def exactly(value: datetime | None) -> str:
    """Return when something is, and how long that is from now."""
    moment = formatting.Moment.of(value, timezone.now())
    return format_html("{} {}", moment.exact, moment) if moment else ""


@register.filter
def in_seconds(value: float | None) -> str:
    return _("%(value)s s") % {"value": number_format(value)} if value else ""


@register.filter
def grouped(value: int | None) -> str | None:
    """Return a count as people read it: ``1,234``."""
    return None if value is None else number_format(value, force_grouping=True)


@register.filter
def duration(value: timedelta | None) -> str:
    return formatting.duration(value)


@register.filter
def without_secrets(value: object) -> str:
    """Return a sentence of a backend as a page may show it."""
    return mapping.text(value)


@register.filter
def breakable(name: str) -> list[str]:
    """Return a dotted name in the parts between which a line may break."""
    return formatting.breakable(name)


@register.filter
def says_more(form: BaseForm) -> bool:
    """Return whether a filter's form asks for something beside its search, or has it wrong."""
    return any(field.value() or field.errors for field in form.visible_fields()[1:])


@register.simple_tag
def relative_words() -> dict[str, str]:
    """Return what relative times are made of, for the script that keeps them true."""
    units = [_("%(n)s s"), _("%(n)s min"), _("%(n)s h"), _("%(n)s d")]
    return {"now": _("just now"), "ago": _("%(time)s ago"), "to_come": _("in %(time)s"), "units": "|".join(units)}
