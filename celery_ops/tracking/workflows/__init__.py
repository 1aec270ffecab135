"""Which workflow a task belongs to: tasks that one message after the other brought about, and groups beside each other.

What a task publishes has its root. The members of a group that nobody's task published have roots of their own, and
share the group; a workflow is called by the outermost group then, else by its root. Whoever publishes first knows it,
and a message header hands it on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

from .. import facts
from ..refs import ObjectRef
from ..stamp import WORKFLOW
from ..store import WORKFLOW as LABEL

#: Characters of a task's or a group's id.
LONGEST_ID: Final = 200
#: Groups and chords within each other that are climbed.
DEEPEST: Final = 30
#: Celery's own task that waits for the header of a chord: none of the workflow's.
UNLOCK: Final = "celery.chord_unlock"

#: Begins the key of a workflow in messages that it has no room for any more: all that comes of them has none, either.
FULL: Final = "!"
#: In a workflow's place, beside its tasks: that it is full, and what begins the names of objects.
FULL_FIELD: Final = "~!"
OBJECT: Final = "~"
#: The same: that tasks which nobody tracks were published beside its own.
MIXED_FIELD: Final = "~?"
#: A field that every workflow has: who asks for it alone is told whether there is one.
HERE: Final = "~"

_NOTHING: Final[Mapping[str, Any]] = {}


def has_room(key: str) -> bool:
    """Return whether there is a workflow of this key, and it has not more tasks than are kept."""
    return bool(key) and not key.startswith(FULL)


def bare(key: str) -> str:
    """Return the key without the mark that says that there is no room."""
    return key.removeprefix(FULL)


def full_mark(key: str) -> tuple[ObjectRef, dict[str, str]]:
    """Return what tells a workflow that not all of its tasks are kept."""
    return place(bare(key)), {FULL_FIELD: "1"}


def mixed_mark(key: str) -> tuple[ObjectRef, dict[str, str]]:
    """Return what tells a workflow that tasks were published beside its own of which nothing is known."""
    return place(bare(key)), {MIXED_FIELD: "1"}


def object_field(ref: ObjectRef) -> str:
    """Return the field that tells a workflow of an object that one of its tasks belongs to."""
    return f"{OBJECT}{ref.label} {quote(ref.pk, safe='', errors='surrogatepass')}"


def objects_in(fields: Iterable[str]) -> list[ObjectRef]:
    """Return the objects that these fields of a workflow name."""
    parts = (field.removeprefix(OBJECT).partition(" ") for field in fields if field.startswith(OBJECT))
    return [ObjectRef(label, unquote(pk, errors="surrogatepass")) for label, space, pk in parts if space]


def place(key: str) -> ObjectRef:
    """Return where it is kept what the tasks of a workflow come to."""
    return ObjectRef(LABEL, key)


def checked(key: Any) -> str:
    """Return a workflow's key as a message's header says it, empty for what cannot be one."""
    return key if isinstance(key, str) and 0 < len(key) <= LONGEST_ID else ""


def key_of(name: str, headers: Mapping[str, Any], body: Any, request: Any) -> str:
    """Return the workflow that a message is part of, as it is published inside ``request``; empty for one alone."""
    if earlier := checked(headers.get(WORKFLOW)):
        return earlier
    if request is not None and (inherited := checked(request.get(WORKFLOW))):
        return inherited
    task_id, root_id = headers.get("id"), headers.get("root_id")
    if root_id and root_id != task_id:
        return checked(root_id)
    if name == UNLOCK:
        return _outermost_of_waiting(body[0])
    embed = embedded(body)
    chain, chord = embed.get("chain"), embed.get("chord")
    if headers.get("group") or chain or chord:
        return _outermost(headers.get("group"), chord, chain) or checked(task_id)
    return checked(task_id) if embed.get("callbacks") else ""


def embedded(body: Any) -> Mapping[str, Any]:
    """Return what a message of protocol 2 says beside the arguments: the steps that follow."""
    embed = body[2] if isinstance(body, (tuple, list)) and len(body) > 2 else None
    return embed if isinstance(embed, Mapping) else _NOTHING


def options_of(signature: Any) -> Mapping[str, Any]:
    """Return the options of a signature, none of what is not one."""
    options = signature.get("options") if isinstance(signature, Mapping) else None
    return options if isinstance(options, Mapping) else _NOTHING


def _outermost_of_waiting(args: Any) -> str:
    """The workflow of Celery's own task that waits for a group: its arguments are the group and the chord's body."""
    group, body = (*args, None, None)[:2] if isinstance(args, (tuple, list)) else (None, None)
    return _outermost(group, body, None)


def _outermost(group: Any, chord: Any, chain: Any) -> str:
    """Climb from a member of a group to the group around it, and so on: a chord's body is a member, too."""
    if chain:
        last = end_of(chain[0])
        group, chord = last.get("group_id") or group, last.get("chord") or chord
    for _level in range(DEEPEST):
        body = end_of(chord) if chord else _NOTHING
        around = body.get("group_id")
        if not around or around == group:
            break
        group, chord = around, body.get("chord")
    return checked(group)


def end_of(signature: Any) -> Mapping[str, Any]:
    """Return the options that say which group a signature's last step is in, where, and what comes after that group.

    Of a group that is a chord's body Celery tells the members which group that chord is in, and not the group itself.
    """
    last = last_step(signature)
    options, parts = options_of(last), last.get("kwargs") if isinstance(last, Mapping) else None
    members = parts.get("tasks") if isinstance(parts, Mapping) and last.get("task") == "celery.group" else None
    group_id = options_of(last_step(members[0])).get("group_id") if members else None
    return {**options, "group_id": group_id} if group_id else options


def last_step(signature: Any) -> Any:
    """The step that a signature ends with, which knows the group that it is in."""
    for _level in range(DEEPEST):
        if not isinstance(signature, Mapping):
            break
        parts = signature.get("kwargs") or _NOTHING
        following = options_of(signature).get("chain")
        if following:
            signature = following[0]
        elif signature.get("task") == "celery.chord" and isinstance(parts, Mapping) and parts.get("body"):
            signature = parts["body"]
        elif signature.get("task") == "celery.chain" and isinstance(parts, Mapping) and parts.get("tasks"):
            signature = parts["tasks"][-1]
        else:
            break
    return signature


# -- where a task stands in it ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Position:
    """Where a task stands in its workflow: which task published it, and its place in a group."""

    parent_id: str = ""
    group_id: str = ""
    index: int | None = None


def position(details: Mapping[str, Any]) -> str:
    """Return the fact that says where a task stands, as the headers of its message or its request say."""
    parent, group, index = details.get("parent_id"), details.get("group"), details.get("group_index")
    if not (parent or group):
        return ""
    parent, group = (facts.short_id(text) if (text := checked(part)) else "-" for part in (parent, group))
    return f"{parent} {group} {index}" if type(index) is int else f"{parent} {group}"


def position_in(fact: str | None) -> Position:
    """Return the position that ``position`` wrote."""
    parent, group, index = (*(fact or "").split(" "), "", "", "")[:3]
    return Position(
        facts.id_in(parent), facts.id_in(group), int(index) if index.isdecimal() and len(index) < 10 else None
    )
