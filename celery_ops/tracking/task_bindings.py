"""What binds a task to a model, as ``track`` and ``TRACKED_TASKS`` say it, and what it names that is not there."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from types import NoneType
from typing import Any, TypedDict

from django.apps import apps
from django.core.exceptions import FieldError, ObjectDoesNotExist
from django.db.models import F, Model
from django.utils.functional import Promise

from ..exceptions import MissingRelatedObject
from .signatures import Signature

IdQuery = str | Sequence[str] | Mapping[str, str] | Callable[[tuple[Any, ...], dict[str, Any]], Any] | None


@dataclass(frozen=True, slots=True)
class FromModel:
    """A launch argument taken from the object: a field's name, or a dotted path through related objects."""

    path: str

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not all(part.isidentifier() for part in self.path.split(".")):
            raise TypeError(f"FromModel() takes a dotted path such as 'customer.email', not {self.path!r}")

    def resolve(self, instance: Model) -> Any:
        """Return the value. Raises MissingRelatedObject when a step of the path is None or not there."""
        value: Any = instance
        for position, part in enumerate(self.path.split(".")):
            if value is None:
                so_far = ".".join(self.path.split(".")[:position])
                raise MissingRelatedObject(f"{describe(instance)} has no {so_far}")
            try:
                value = getattr(value, part)
            except (AttributeError, ObjectDoesNotExist) as error:
                raise MissingRelatedObject(f"{describe(instance)} has no {self.path}") from error
        return value


@dataclass(frozen=True)
class TaskBinding:
    """One task tracked for one model."""

    model: Any
    id_query: IdQuery = None
    launch_args: Sequence[Any] | None = None
    launch_kwargs: Mapping[str, Any] | None = None
    hidden: bool = False
    label: str = ""
    sensitive: frozenset[str] = field(default_factory=frozenset)

    @property
    def model_class(self) -> type[Model]:
        """The concrete model. Raises LookupError when the label names none."""
        model = apps.get_model(self.model) if isinstance(self.model, str) else self.model
        return model._meta.concrete_model

    @property
    def named(self) -> Mapping[str, str]:
        """What the ``id_query`` looks up by which argument; nothing where it names none."""
        query = self.id_query
        if query is None or callable(query):
            return {}
        if isinstance(query, str):
            return {"pk": query}
        return query if isinstance(query, Mapping) else {name: name for name in query}


class TrackOptions(TypedDict, total=False):
    """What ``track`` takes beside the model, for type checkers and editors."""

    id_query: IdQuery
    launch_args: Sequence[Any] | None
    launch_kwargs: Mapping[str, Any] | None
    hidden: bool
    label: str | Promise
    sensitive: Iterable[str]


OPTIONS = tuple(TrackOptions.__annotations__)


def make_binding(model: Any, options: Mapping[str, Any]) -> TaskBinding:
    """Return the binding of ``options`` as ``track`` takes them. Raises TypeError naming what is wrong."""
    is_model = isinstance(model, type) and issubclass(model, Model)
    if not is_model and not (isinstance(model, str) and model.count(".") == 1):
        raise TypeError(f"track() takes a model or a label such as 'shop.Order', not {model!r}")
    if unknown := sorted(set(options) - set(OPTIONS)):
        raise TypeError(f"track() has no option {unknown[0]!r}; it knows {', '.join(OPTIONS)}")
    id_query = options.get("id_query")
    if not (id_query is None or callable(id_query) or _names(id_query)):
        raise TypeError(f"id_query must be a name, a tuple of names, a dict, a callable or None, not {id_query!r}")
    if iscoroutinefunction(id_query):
        raise TypeError(f"id_query is called where no coroutine can be awaited: {id_query!r} must not be async")
    launch_args = options.get("launch_args")
    if isinstance(launch_args, (str, FromModel)):
        raise TypeError("launch_args must be a tuple: write (FromModel(…),) with the comma")
    if not isinstance(launch_args, (list, tuple, NoneType)):
        raise TypeError(f"launch_args must be a tuple, not {launch_args!r}")
    launch_kwargs = options.get("launch_kwargs")
    if not isinstance(launch_kwargs, (Mapping, NoneType)):
        raise TypeError(f"launch_kwargs must be a dict, not {launch_kwargs!r}")
    sensitive = options.get("sensitive", ())
    if isinstance(sensitive, str):
        raise TypeError(f"sensitive must be a tuple of parameter names: write ({sensitive!r},)")
    return TaskBinding(model=model, **{**options, "sensitive": frozenset(sensitive)})


def _names(id_query: Any) -> bool:
    """Whether it is a name, or names that are there."""
    if isinstance(id_query, Mapping):
        id_query = [*id_query, *id_query.values()]
    names = id_query if isinstance(id_query, (list, tuple)) else [id_query]
    return bool(names) and all(isinstance(name, str) and name for name in names)


def unknown_names(
    task_name: str, named: Mapping[str, str], model: type[Model], signature: Signature | None
) -> Iterator[str]:
    """Yield a sentence for each lookup that ``model`` does not know, and each argument that the task does not take.

    Nothing is asked of a database. Of a task without a ``signature`` here, or of one that takes any argument, lookups
    are all that can be told.
    """
    taken = named.values() if signature is None or signature.takes_any else signature.all_names
    for lookup, argument in named.items():
        if not _is_lookup(model, lookup):
            yield f"{task_name} is tracked by {lookup!r}, by which {model._meta.label} cannot be looked up"
        if argument not in taken:
            yield f"{task_name} is tracked by its argument {argument!r}, which it does not take"


def _is_lookup(model: type[Model], lookup: str) -> bool:
    try:
        model._base_manager.filter(**{lookup: F("pk")})
    except FieldError:
        return False
    except Exception:  # the value's fault, or the manager's, and not the name's
        return True
    return True


def describe(instance: Model) -> str:
    """``order 42``: what messages call an object, without asking its ``__str__`` (which may query or raise)."""
    return f"{instance._meta.verbose_name} {instance.pk}"
