"""Values that are JSON objects or stand for a row: dataclasses, pydantic models and Django's models."""

import dataclasses
import json
import typing
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, cast

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...databases import instance_of
from ...formatting import clean
from .any_json import JsonKind, WrittenKind
from .base import Kind, of_type, typed_text
from .limits import check, named

Sees = Callable[[Model], bool]
#: What is around the annotation of a TypedDict's key that says whether the key has to be there, by its name: two
#: libraries have them.
QUALIFIERS: Final = {"Required": True, "NotRequired": False}
#: Objects that a select offers.
MOST_CHOICES: Final = 100


def sees_all(_instance: Model) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class ModelKind(Kind):
    """An object of ``model``, by its primary key. ``sees`` says whether the person may know of one."""

    model: type[Model] = Model
    sees: Sees = sees_all

    @property
    def words(self) -> str:
        return _("the key of: %(model)s") % {"model": self.model._meta.verbose_name}

    def parse(self, text: str) -> Any:
        return self._key(typed_text(text))

    def read(self, value: Any) -> Any:
        if type(value) not in (int, str):
            raise ValueError(self._missing())
        return self._key(value)

    def plain(self, value: Any) -> Any:
        return value if type(value) is int else self.text(value)

    def text(self, value: Any) -> str:
        return str(value)

    def choices(self) -> list[tuple[str, str]] | None:
        manager = self.model._default_manager
        instances = list(manager.order_by("pk")[: MOST_CHOICES + 1])
        if len(instances) > MOST_CHOICES:
            return None
        return [(str(instance.pk), _named(instance)) for instance in instances if self.sees(instance)]

    def _key(self, key: Any) -> Any:
        field = self.model._meta.pk
        try:
            check(key)
            pk = field.to_python(key)
            instance = instance_of(self.model._default_manager, pk) if pk is not None else None
        except (ValueError, TypeError, OverflowError, ValidationError, DataError):
            instance = None
        if instance is None or not self.sees(instance):
            raise ValueError(self._missing())
        return instance.pk

    def _missing(self) -> str:
        return _("There is no %(name)s with this primary key.") % {"name": self.model._meta.verbose_name}


def _named(instance: Model) -> str:
    try:
        return clean(str(instance), 100)
    except Exception:  # whatever a site's __str__ raises
        return f"{instance._meta.verbose_name} {instance.pk}"


def _any_json(_annotation: Any) -> Kind:
    return JsonKind()


#: The kind of each field, and whether it has to be there.
Fields = dict[str, tuple[Kind, bool]]


@dataclass(frozen=True, slots=True)
class FieldsKind(WrittenKind):
    """A JSON object of the fields that ``cls`` has. ``kind_of`` is asked when a value comes: one may hold itself."""

    cls: type = object
    kind_of: Callable[[Any], Kind] = _any_json

    rows = 5
    words = gettext_lazy("a JSON object")

    def read(self, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(_("Give a JSON object with the fields %(names)s.") % {"names": self._names()})
        fields = self._fields()
        for name in value:
            if name not in fields:
                raise ValueError(_("There is no field “%(name)s”.") % {"name": named(name)})
        for name, (_kind, is_required) in fields.items():
            if is_required and name not in value:
                raise ValueError(_("The field “%(name)s” is missing.") % {"name": name})
        return self._made({name: _field(name, fields[name][0], item) for name, item in value.items()})

    def _made(self, values: dict[str, Any]) -> Any:
        raise NotImplementedError

    def _fields(self) -> Fields:
        raise NotImplementedError

    def _names(self) -> str:
        return ", ".join(self._fields())

    def _hints(self) -> dict[str, Any]:
        try:
            return typing.get_type_hints(self.cls, include_extras=True)
        except Exception:  # whatever a site's annotation raises
            return {}


@dataclass(frozen=True, slots=True)
class DataclassKind(FieldsKind):
    """A JSON object of a dataclass's fields."""

    def plain(self, value: Any) -> dict[str, Any]:
        of_type(value, self.cls)
        return {name: kind.plain(getattr(value, name)) for name, (kind, _required) in self._fields().items()}

    def _made(self, values: dict[str, Any]) -> Any:
        try:
            return self.cls(**values)
        except ValueError as error:
            raise ValueError(_("It was refused: %(message)s") % {"message": clean(str(error), 200)}) from None
        except Exception as error:  # whatever a site's __post_init__ raises
            raise ValueError(_("It was refused: %(message)s") % {"message": type(error).__name__}) from error

    def _fields(self) -> Fields:
        hints = self._hints()
        return {
            field.name: (self.kind_of(hints.get(field.name, Any)), _is_required(field))
            for field in dataclasses.fields(self.cls)
            if field.init
        }


@dataclass(frozen=True, slots=True)
class TypedDictKind(FieldsKind):
    """A JSON object of a ``TypedDict``'s keys."""

    def plain(self, value: Any) -> dict[str, Any]:
        fields, items = self._fields(), of_type(value, dict).items()
        if not fields.keys() >= value.keys():
            raise ValueError(_("This value cannot be shown here."))
        return {name: fields[name][0].plain(item) for name, item in items}

    def _made(self, values: dict[str, Any]) -> dict[str, Any]:
        return values

    def _fields(self) -> Fields:
        hints, typed_dict = self._hints(), cast(Any, self.cls)  # no type says that a class is a TypedDict
        required: Collection[str] = typed_dict.__required_keys__
        names = hints or dict.fromkeys((*required, *typed_dict.__optional_keys__))
        return {name: self._field(hints.get(name, Any), is_required=name in required) for name in names}

    def _field(self, annotation: Any, *, is_required: bool) -> tuple[Kind, bool]:
        """What an annotation says itself goes first: of one that is text nobody else has heard."""
        while (qualifier := getattr(typing.get_origin(annotation), "_name", None)) in (*QUALIFIERS, "ReadOnly"):
            is_required = QUALIFIERS.get(qualifier, is_required)
            (annotation,) = typing.get_args(annotation)
        return self.kind_of(annotation), is_required


def _is_required(field: Any) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _field(name: str, kind: Kind, value: Any) -> Any:
    try:
        return kind.read(value)
    except ValueError as error:
        raise ValueError(_("%(place)s: %(message)s") % {"place": name, "message": error}) from None


@dataclass(frozen=True, slots=True)
class PydanticKind(WrittenKind):
    """A JSON object that a pydantic model (of version 2) validates itself."""

    model: Any = None

    rows = 5
    words = gettext_lazy("a JSON object")

    def read(self, value: Any) -> Any:
        check(value)
        try:
            return self.model.model_validate_json(json.dumps(value))
        except ValueError as error:
            raise ValueError(_message(error)) from None
        except Exception as error:  # whatever a site's validator raises
            raise ValueError(_("It was refused: %(message)s") % {"message": type(error).__name__}) from error

    def plain(self, value: Any) -> Any:
        return of_type(value, self.model).model_dump(mode="json")


def _message(error: Any) -> str:
    """What pydantic says, without the values: they may be secret."""
    errors = error.errors(include_input=False, include_url=False, include_context=False)[:5]
    return clean("; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}".lstrip(": ") for fault in errors), 500)
