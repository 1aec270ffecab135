"""Of which task a run is one more, and with what its form is filled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from ...exceptions import NotKnown, NotRerunnable
from ...formatting import clean
from ...forms.prefill import HIDDEN, Arguments
from ...permissions import VIEW_OPS, VIEW_PAYLOAD, allows
from ...rerun.sending import chosen_options
from ...task_detail.original import original_of
from ...tracking import capture
from ...tracking.refs import ObjectRef
from ...tracking.registry import registry
from ..objects import object_links


@dataclass(frozen=True, slots=True)
class Origin:
    """The task that is run again: ``values`` are its arguments, None when they are not to be had and ``reason`` why.
    ``options`` are its place in the line, where a person chose that.

    Without ``task_id`` there is none.
    """

    task_id: str = ""
    name: str = ""
    values: tuple[Sequence[Any], Mapping[str, Any]] | None = None
    refs: tuple[ObjectRef, ...] = ()
    reason: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown_id(self) -> str:
        return clean(self.task_id)

    @property
    def shown(self) -> Arguments | None:
        """The arguments as a form shows them: without those of which a page hides something."""
        if self.values is None:
            return None
        args, kwargs = list(self.values[0]), dict(self.values[1])
        hidden = capture.hidden_arguments(self.name, args, kwargs)
        if hidden is None:
            return None
        return (
            [HIDDEN if at in hidden else value for at, value in enumerate(args)],
            {name: HIDDEN if name in hidden else value for name, value in kwargs.items()},
        )

    def refs_of(self, args: Sequence[Any], kwargs: Mapping[str, Any], user: Any) -> tuple[ObjectRef, ...]:
        """Return the objects that a run with these arguments belongs to because the earlier task did.

        With other arguments the task's own bindings say anew which of their models' objects it is about; and nobody
        ties a run to an object that they may not see.
        """
        refs = self.refs
        if self.values is None or (list(self.values[0]), dict(self.values[1])) != (list(args), dict(kwargs)):
            refs = tuple(ref for ref in refs if not registry.is_bound(self.name, ref.label))
        if not refs or allows(user, VIEW_OPS):
            return refs
        visible = object_links(refs, user)
        return tuple(ref for ref in refs if ref in visible)


NONE = Origin()


def origin_of(task_id: str, name: str, user: Any) -> Origin:
    """Return what is known of the task that ``user`` wants to run again as ``name``; never raises."""
    if not task_id:
        return NONE
    origin = _origin(task_id, name, user)
    return replace(origin, options=chosen_options([task_id]).get(task_id, {})) if origin.task_id else origin


def _origin(task_id: str, name: str, user: Any) -> Origin:
    try:
        original = original_of(task_id)
    except NotKnown:
        return Origin(reason=_("No task with this id is known any more, so the fields are empty."))
    except NotRerunnable as error:
        return _without_arguments(task_id, name, error)
    if original.name != name:
        return Origin(reason=_("That id is another task's, so the fields are empty."))
    if not allows(user, VIEW_PAYLOAD, name):
        return Origin(
            original.task_id,
            name,
            None,
            tuple(original.refs),
            _("You may not see that task's arguments: enter them yourself."),
        )
    return Origin(original.task_id, name, (original.args, original.kwargs), tuple(original.refs))


def _without_arguments(task_id: str, name: str, error: NotRerunnable) -> Origin:
    """A task whose arguments are lost is the one that is run again all the same, when it is known to be this one."""
    if error.name == name:
        return Origin(task_id, name, reason=str(error))
    return Origin(reason=str(error))
