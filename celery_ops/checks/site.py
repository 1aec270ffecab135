"""What the site around the app has to have: its URLs, its templates, its login, its users and its databases."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from celery import _state
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import router
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, URLResolver, get_resolver, get_script_prefix, resolve, reverse

from ..conf import NAME, conf
from ..logs import get_logger
from ..permissions import ACTIONS, VIEW_INSTANCE, VIEW_OPS, Policy
from .all_settings import DJANGO_TEMPLATES
from .messages import IDS, Messages, note, warning

logger = get_logger("celery_ops.checks")

REQUEST: Final = "django.template.context_processors.request"
#: Parts of the names of database engines that keep each tenant in a schema of its own.
TENANT_ENGINES: Final = ("django_tenants", "tenant_schemas", "django_pgschemas")


def urls() -> Messages:
    try:
        reverse("celery_ops:panel", args=["x"])
    except NoReverseMatch:
        remedy = "Add path('ops/', include('celery_ops.urls')) to your urlpatterns."
        above = next(_resolvers_above(get_resolver()), ())
        if namespaces := [resolver.namespace for resolver in above[:-1] if resolver.namespace]:
            remedy = f"Include it outside of the namespace {':'.join(namespaces)!r}, where its addresses are not found."
        elif above:
            remedy = f"Include it below no parameter: its addresses cannot be made with {_route(above)!r} before them."
        yield warning(1, IDS["celery_ops.W001"], remedy)
    except Exception:  # Django's own checks tell what is wrong with the URLconf
        logger.debug("The URLconf cannot be asked", exc_info=True)


def _resolvers_above(resolver: URLResolver) -> Iterator[tuple[URLResolver, ...]]:
    """Give what leads to each ``include("celery_ops.urls")``, the outermost first and the include itself last."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            if pattern.app_name == "celery_ops":
                yield (pattern,)
            else:
                yield from ((pattern, *below) for below in _resolvers_above(pattern))


def _route(resolvers: tuple[URLResolver, ...]) -> str:
    return "".join(str(resolver.pattern) for resolver in resolvers)


def context_processors() -> Messages:
    for engine in settings.TEMPLATES:
        processors = engine.get("OPTIONS", {}).get("context_processors", ())
        if engine.get("BACKEND") == DJANGO_TEMPLATES and REQUEST not in processors:
            yield warning(2, IDS["celery_ops.W002"], f"Add {REQUEST!r} to the context_processors in TEMPLATES.")


def login() -> Messages:
    if _has_pages() and not _is_answered(settings.LOGIN_URL):
        text = f"Who is not logged in is sent to LOGIN_URL, {str(settings.LOGIN_URL)!r}, which is no page of this site."
        yield note(5, text, "Set LOGIN_URL to your login page, such as 'admin:login', or include one in your URLs.")


def _has_pages() -> bool:
    try:
        return bool(reverse("celery_ops:overview"))
    except Exception:  # which another check tells, or Django's own
        logger.debug("The URLconf cannot be asked", exc_info=True)
        return False


def _is_answered(login_url: Any) -> bool:
    """Whether the site has a page there; of an address that is another site's nothing is known."""
    try:
        address, prefix = urlsplit(resolve_url(login_url)), get_script_prefix()
    except NoReverseMatch:
        return False
    if address.netloc or not address.path.startswith(prefix):
        return True
    path = "/" + address.path.removeprefix(prefix)
    return _resolves(path) or _resolves(f"/{settings.LANGUAGE_CODE}{path}")  # where LocaleMiddleware sends on to


def _resolves(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def celery_app() -> Messages:
    """``shared_task`` goes by whatever app there is, at last by one of Celery's own, which nobody has configured."""
    try:
        app = conf.celery_app
    except Exception:  # APP is wrong, which has been told by its key
        logger.debug("The Celery app cannot be had", exc_info=True)
        return
    if app == _state.default_app and not app.conf.broker_url:
        hint = "Import it where Django starts: from .celery import app as celery_app, in the package of your settings."
        yield note(6, IDS["celery_ops.I006"], hint)


def users(site: Mapping[Any, Any]) -> Messages:
    """What the default policy asks for, and this site's users cannot have."""
    try:
        policy = conf.load("POLICY")
    except Exception:  # which has been told by its key
        logger.debug("The policy cannot be had", exc_info=True)
        return
    if not (isinstance(policy, type) and issubclass(policy, Policy) and policy.allows is Policy.allows):
        return
    model = get_user_model()
    default = {action for action in ACTIONS if getattr(policy, f"may_{action}") is getattr(Policy, f"may_{action}")}
    refused = default - ({VIEW_OPS, VIEW_INSTANCE} if hasattr(model, "is_staff") else set())
    if refused and not hasattr(model, "has_perm"):
        text = f"Users of {model._meta.label} have no permissions, so nobody may {', '.join(sorted(refused))}."
        yield warning(5, text, f"Give the model PermissionsMixin, or name a policy of your own in {NAME}['POLICY'].")
    elif VIEW_OPS in default and not hasattr(model, "is_staff"):
        text = f"Users of {model._meta.label} are never staff, so only a permission opens the pages and panels."
        yield note(4, text, f"Give your operators celery_ops.view_ops, or override may_view_ops in {NAME}['POLICY'].")


def tenants(site: Mapping[Any, Any]) -> Messages:
    engines = " ".join(str(database.get("ENGINE", "")) for database in settings.DATABASES.values())
    is_shared = not callable(site.get("STORE_PREFIX"))
    if is_shared and any(part in engines for part in TENANT_ENGINES):
        text = "The database has a schema for each tenant, and all of them share what is tracked of their tasks."
        hint = f"Make {NAME}['STORE_PREFIX'] a callable that returns the tenant's own, such as its schema's name."
        yield warning(6, text, hint)


def journal() -> Messages:
    """Django's foreign keys do not lead into other databases."""
    from ..models import TaskRunRecord

    users, journal = router.db_for_write(get_user_model()), router.db_for_write(TaskRunRecord)
    if users != journal:
        text = f"The journal is written to the database {journal!r}, and its rows refer to users, who are in {users!r}."
        yield warning(8, text, "Have your DATABASE_ROUTERS name one database for celery_ops and your user model.")


#: What holds of every site, and what depends on its settings.
EVERY_SITE: Final = (urls, context_processors, login, celery_app, journal)
BY_SETTINGS: Final = (users, tenants)
