"""What an ``id_query`` names and nobody has: such a task would be linked to nothing, and nothing would tell."""

from collections.abc import Iterator, Mapping

from django.core.exceptions import FieldError
from django.db.models import F, Model

from .signatures import Signature


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
