"""The bar of a workflow on a site's own page: what its address carries, and who may see it."""

from dataclasses import astuple, dataclass
from typing import Any, Final

from django.core import signing
from django.urls import NoReverseMatch, reverse

from ..exceptions import BackendUnavailable
from ..workflows.reading import glance_at
from ..workflows.viewing import may_view
from ..workflows.workflow import Progress
from .token import options_in, salted

SALT: Final = "celery_ops.workflow"


@dataclass(frozen=True, slots=True)
class BarOptions:
    """``user`` is the viewer's key as text, empty for an anonymous one; of a ``public`` bar the author vouches."""

    task_id: str
    user: str
    public: bool = False

    @property
    def url(self) -> str:
        """The bar's own address, empty when the site has not included ``celery_ops.urls``."""
        try:
            return reverse("celery_ops:workflow-progress", args=[signing.dumps(astuple(self), salt=salted(SALT))])
        except NoReverseMatch:
            return ""


def bar_options_of(token: str) -> BarOptions:
    """Return the options of a bar's address. Raises BadToken."""
    return options_in(token, BarOptions, SALT)


@dataclass(frozen=True, slots=True)
class Bar:
    """What a viewer sees; ``progress`` is None while nobody can say."""

    is_shown: bool
    progress: Progress | None = None


def bar_of(options: BarOptions, user: Any) -> Bar:
    """Return the bar for ``user``: not shown to who may not see it, nor of a task in no workflow."""
    try:
        glance = glance_at(options.task_id)
    except BackendUnavailable:
        return Bar(is_shown=True)
    if glance is None or not (options.public or may_view(user, glance)):
        return Bar(is_shown=False)
    return Bar(is_shown=True, progress=glance.progress)
