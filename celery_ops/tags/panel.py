"""``{% load celery_ops %}``: an object's tasks on any page."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from django import template
from django.db.models import Model
from django.template.context import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString

from ..conf import conf
from ..databases import database_of
from ..exceptions import StoreUnavailable
from ..formatting import presentable
from ..info import TrackedTask
from ..panels.building import Draft
from ..panels.query import PanelQuery
from ..panels.token import PanelOptions, viewer
from ..panels.user_panel import may_view
from ..panels.workflow_bar import BarOptions, bar_of
from ..permissions import VIEW_INSTANCE, allows
from ..states import tone
from ..task_detail.own_states import with_own_states
from ..tracking.decorators import part_of_a_page
from ..tracking.reading import read_tasks
from ..tracking.refs import ObjectRef

register = template.Library()


@register.simple_tag(takes_context=True)
@part_of_a_page
def instance_tasks(
    context: Context,
    obj: Any,
    limit: int = 10,
    refresh: int | None = None,
    launch: bool = True,
    public: bool = False,
    title: str = "",
) -> SafeString | str:
    """Show the tasks of ``obj``, live: ``limit`` a page, polled every ``refresh`` seconds, under ``title``.

    ``launch`` offers the object's tasks to those who may run them. With ``public`` the page's author vouches for the
    viewer, anonymous too, who sees labels, states, times and progress. Nothing is shown to a viewer whom the policy
    refuses, nor for an object that is not saved.
    """
    return _panel(context, obj, title, refresh, {"limit": limit, "launch": launch, "public": public})


@register.simple_tag(takes_context=True)
@part_of_a_page
def user_tasks(
    context: Context,
    user: Any,
    limit: int = 10,
    refresh: int | None = None,
    launch: bool = True,
    public: bool = False,
    title: str = "",
) -> SafeString | str:
    """Show the tasks that ``user`` started, live, to that user and to those who may see all tasks; else nothing.

    It takes ``StartedByMiddleware`` to know them. The options are those of ``instance_tasks``.
    """
    options = {"limit": limit, "launch": launch, "public": public}
    return _panel(context, user, title, refresh, options, started=True)


def _panel(
    context: Context, obj: Any, title: str, refresh: int | None, options: Mapping[str, Any], *, started: bool = False
) -> SafeString | str:
    request = _request(context)
    ref = _ref(obj)
    if ref is None or request is None:
        return ""
    user, public = getattr(request, "user", None), bool(options["public"])
    if not public and not may_view(user, obj, started=started):
        return ""
    wanted = _limit(options["limit"]), bool(options["launch"]), public, _serial(request, ref)
    whole = PanelOptions(obj._meta.label_lower, ref.pk, viewer(user), *wanted, started, database_of(obj))
    draft = Draft(
        request,
        obj,
        whole,
        url=whole.url,
        selection=PanelQuery(request.GET, whole.prefix),
        query=_other_parameters(request, whole.prefix),
        next_url=request.get_full_path(),
    )
    shown = {"panel": draft.page(), "title": title, "refresh": _refresh(refresh), "assets": _first(request, "panel")}
    return get_template("celery_ops/panel/panel.html").render(shown, request)


@register.simple_tag(takes_context=True)
@part_of_a_page
def instance_tasks_badge(context: Context, obj: Any) -> SafeString | str:
    """Show the state of the newest task of ``obj`` as one badge.

    Nothing is shown to a viewer whom the policy refuses, nor while the store does not answer.
    """
    request = _request(context)
    ref = _ref(obj)
    if ref is None or request is None or not allows(getattr(request, "user", None), VIEW_INSTANCE, obj):
        return ""
    prefetched = _prefetched(request)
    if ref not in prefetched:
        prefetched[ref] = _newest([ref])[0]
    if (tasks := prefetched[ref]) is None:
        return ""
    task = tasks[0] if tasks else None
    shown = {
        "state": presentable(task.state) if task else "",
        "tone": tone(task.state) if task else "",
        "label": presentable(task.label) if task else "",
        "assets": _first(request, "badge"),
    }
    return get_template("celery_ops/panel/badge.html").render(shown, request)


@register.simple_tag(takes_context=True)
@part_of_a_page
def workflow_progress(
    context: Context, task_id: Any, refresh: int | None = None, public: bool = False, title: str = ""
) -> SafeString | str:
    """Show how far the workflow of a task is, live: a group, a chord, a chain, by any id in it.

    It is polled every ``refresh`` seconds until all is over. Nothing is shown for a task in no workflow, nor to who may
    see neither all tasks nor the objects that it is about, unless the page's author vouches for them with ``public``.
    """
    request = _request(context)
    if request is None or not task_id:
        return ""
    user = getattr(request, "user", None)
    options = BarOptions(str(task_id), viewer(user), bool(public))
    bar = bar_of(options, user)
    if not bar.is_shown:
        return ""
    shown = {"progress": bar.progress, "url": options.url, "title": title, "refresh": _refresh(refresh)}
    assets = {"own_assets": not _has_brought(request, "progress"), "assets": _first(request, "progress")}
    return get_template("celery_ops/workflows/progress.html").render({**shown, **assets}, request)


@register.simple_tag(takes_context=True)
@part_of_a_page
def prefetch_instance_tasks(context: Context, objs: Iterable[Any]) -> str:
    """Read the tasks of all ``objs`` at once, in at most two round trips, for the badges that follow."""
    request = _request(context)
    if request is not None:
        refs = [ref for ref in map(_ref, _each(objs)) if ref is not None]
        _prefetched(request).update(zip(refs, _newest(refs), strict=True))
    return ""


def _request(context: Context) -> Any:
    """The page's request, without a context processor too, and inside ``{% include … only %}``."""
    return context.get("request") or getattr(context, "request", None)


def _newest(refs: list[ObjectRef]) -> list[list[TrackedTask]] | list[None]:
    """Return each object's newest task in a list, an empty one when it has none; None while that is not known."""
    try:
        newest = read_tasks(refs, limit=1)
    except StoreUnavailable:
        return [None] * len(refs)
    told = {task.id: task for task in with_own_states(list(chain.from_iterable(newest)))}
    return [[told[task.id] for task in tasks] for tasks in newest]


def _ref(obj: Any) -> ObjectRef | None:
    """A page's author may pass whatever the context holds: what is not a saved object has no tasks."""
    if not isinstance(obj, Model) or _has_yet_to_be_saved(obj):
        return None
    try:
        return ObjectRef.of(obj)
    except ValueError:
        return None


def _has_yet_to_be_saved(obj: Model) -> bool:
    """Whether a key is there only because it has a default, as ``save()`` judges it."""
    keys = obj._meta.pk_fields
    return obj._state.adding and all(field.has_default() or field.has_db_default() for field in keys)


def _each(objs: Any) -> Iterable[Any]:
    try:
        return iter(objs)
    except TypeError:
        return (objs,)


def _limit(rows: Any) -> int:
    try:
        return max(1, min(int(rows), int(conf.MAX_PAGE_SIZE)))
    except (TypeError, ValueError, OverflowError):
        return 10


def _refresh(seconds: Any) -> int:
    try:
        return max(1, int(conf.REFRESH_SECONDS if seconds is None else seconds))
    except (TypeError, ValueError, OverflowError):
        return max(1, int(conf.REFRESH_SECONDS))


def _first(request: Any, what: str) -> bool:
    """Whether the page's style and script have yet to be brought; a badge needs the style only."""
    needed = not (_has_brought(request, what) or _has_brought(request, "panel"))
    request.__dict__["_celery_ops_assets"].add(what)
    return needed


def _has_brought(request: Any, what: str) -> bool:
    return what in request.__dict__.setdefault("_celery_ops_assets", set())


def _serial(request: Any, ref: ObjectRef) -> int:
    """Count the page's panels of one object, from 1."""
    shown = request.__dict__.setdefault("_celery_ops_panels", Counter())
    shown[ref] += 1
    return shown[ref]


def _prefetched(request: Any) -> dict[ObjectRef, list[TrackedTask] | None]:
    return request.__dict__.setdefault("_celery_ops_newest", {})


def _other_parameters(request: Any, prefix: str) -> str:
    """The page's parameters without this panel's own, for its links: ``a=1&``."""
    kept = request.GET.copy()
    for name in ("page", "state", "name"):
        kept.pop(f"{prefix}{name}", None)
    return f"{kept.urlencode()}&" if kept else ""
