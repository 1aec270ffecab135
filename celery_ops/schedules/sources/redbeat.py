"""The entries of celery-redbeat: a hash each in its Redis, and a sorted set that has them by their next time.

They are read in two round trips, as they lie there. Its own classes read one entry at a time, without a deadline.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import lru_cache
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Final

import redis
from django.utils.translation import get_language, gettext_lazy

from ...concurrency import Asked
from ...connections.redis import pool_of_url
from ...exceptions import BackendUnavailable, NoAnswer, ScheduleRefused, WrongURL
from ...formatting import clean, is_clean
from ...logs import get_logger
from ...sentences import Sentence as _
from ..due import due_after
from ..info import REDBEAT, Entry
from ..words import expression
from . import schedulers
from .base import LONGEST_KEPT, MOST_ENTRIES, PAUSE, RESUME, RUN, SKIP, ScheduleSource, not_given, offered

logger = get_logger("celery_ops.schedules")

#: Seconds that its Redis has to connect, and to answer.
DEADLINE: Final = 1.0
#: Characters of a definition that is read.
LONGEST_DEFINITION: Final = 50_000
LONGEST_META: Final = 2000
#: Writes a field of an entry that is still there, where it has the value that was read.
PUT: Final = """
if redis.call('hexists', KEYS[1], 'definition') == 0 then return 0 end
if (redis.call('hget', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('hset', KEYS[1], ARGV[1], ARGV[3])
return 1
"""
#: How often an entry is read again that somebody changes at the same moment.
TRIES: Final = 20
#: Entries that a process need not read again.
MOST_KEPT: Final = 4096


class RedbeatSource(ScheduleSource):
    name = REDBEAT
    label = gettext_lazy("Redis (celery-redbeat)")

    def is_used(self, heard: Collection[str]) -> bool:
        if find_spec("redbeat") is None:
            return False
        names = (*heard, schedulers.configured(self.app))
        return schedulers.any_of(schedulers.REDBEAT, names) or bool(self._option("redbeat_redis_url"))

    def is_read_by(self, scheduler: str) -> bool:
        return schedulers.is_of(schedulers.REDBEAT, scheduler)

    def entries(self) -> Sequence[Entry]:
        with self._client() as client:
            pipe = client.pipeline(transaction=False)
            pipe.zrange(self._schedule_key, 0, MOST_ENTRIES - 1, withscores=True)
            pipe.smembers(f"{self._prefix}:statics")
            scores, statics = pipe.execute()
            keys = [_text(key) for key, _score in scores]
            pipe = client.pipeline(transaction=False)
            for key in keys:
                pipe.hmget(key, "definition", "meta")
            hashes = pipe.execute(raise_on_error=False)
        named = {_text(name) for name in statics}
        rows = zip(keys, scores, hashes, strict=True)
        return [self._entry(key, score, kept, named) for key, (_key, score), kept in rows if isinstance(kept, list)]

    def entry(self, name: str) -> Entry | None:
        if not is_clean(name):
            return None
        key = self._key(name)
        with self._client() as client:
            pipe = client.pipeline(transaction=False)
            pipe.zscore(self._schedule_key, key)
            pipe.hmget(key, "definition", "meta")
            pipe.sismember(f"{self._prefix}:statics", name)
            score, kept, is_static = pipe.execute()
        return self._entry(key, score, kept, {name} if is_static else ()) if any(kept) else None

    # -- actions ------------------------------------------------------------------------------------------------------

    def pause(self, name: str, until: datetime | None = None) -> None:
        if until is not None:
            raise ScheduleRefused(_("redbeat knows no time at which a pause ends: pause it, and resume it then."))
        self._enable(name, False)

    def resume(self, name: str) -> None:
        self._enable(name, True)

    def skip(self, name: str, due: datetime) -> None:
        """redbeat counts from the last run: that of the occurrence that is left out."""
        from redbeat.decoder import RedBeatJSONEncoder

        entry = self.entry(name)
        if entry is None or entry.schedule is None:
            raise ScheduleRefused(_("There is no such entry any more."))
        self.check_unsent(entry.last_run_at, due)
        after = due_after(entry.schedule, due)
        key = self._key(name)
        with self._client() as client:
            before = client.hget(key, "meta") or b""
            self.check_unsent(_meta(_text(before))[0], due)
            meta = {**_loads(_text(before)), "last_run_at": due}
            if not self._put(client, key, "meta", before, json.dumps(meta, cls=RedBeatJSONEncoder)):
                raise ScheduleRefused(_("That is not the next occurrence any more."))
            client.zadd(self._schedule_key, {key: -1 if after is None else int(after.timestamp())}, xx=True)

    def _enable(self, name: str, enabled: bool) -> None:
        key = self._key(name)
        with self._client() as client:
            for _try in range(TRIES):  # somebody may change it just now
                before = client.hget(key, "definition") or b""
                definition = _loads(_text(before))
                if not definition:
                    raise ScheduleRefused(_("There is no such entry any more."))
                if self._put(client, key, "definition", before, json.dumps({**definition, "enabled": enabled})):
                    return
        raise BackendUnavailable(_("The Redis of celery-redbeat does not answer."))

    @staticmethod
    def _put(client: Any, key: str, field: str, before: Any, value: str) -> bool:
        """Write a field in place of what was there ``before``; return whether it still was.

        Raises ScheduleRefused for an entry that has been deleted.
        """
        if client.eval(PUT, 1, key, field, before, value):
            return True
        if not client.hexists(key, "definition"):
            raise ScheduleRefused(_("There is no such entry any more."))
        return False

    # -- where it is --------------------------------------------------------------------------------------------------

    @property
    def _prefix(self) -> str:
        return str(self._option("redbeat_key_prefix") or "redbeat:")

    @property
    def _schedule_key(self) -> str:
        return f"{self._prefix}:schedule"

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def _option(self, name: str) -> Any:
        return self.app.conf.first(name, name.upper())

    @contextmanager
    def _client(self) -> Iterator[Any]:
        try:
            with self._opened() as client:
                yield client
        except ScheduleRefused:
            raise
        except (redis.RedisError, OSError, NoAnswer) as error:
            logger.debug("redbeat's Redis does not answer", exc_info=True)
            raise BackendUnavailable(_("The Redis of celery-redbeat does not answer.")) from error
        except (WrongURL, ValueError) as error:
            raise BackendUnavailable(_("The Redis of celery-redbeat cannot be reached as the settings say.")) from error

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        url = str(self._option("redbeat_redis_url") or self.app.conf.broker_url or "")
        options = self._option("redbeat_redis_options") or self.app.conf.broker_transport_options or {}
        if not url.startswith(("redis://", "rediss://", "unix://")) or options.get("cluster"):
            yield Asked(self._own_client, "asks redbeat").answer(DEADLINE)
            return
        pool = pool_of_url(url, DEADLINE)
        try:
            yield redis.Redis(connection_pool=pool)
        finally:
            pool.disconnect()

    def _own_client(self) -> Any:
        """Return redbeat's own: it knows its sentinels and clusters. Its deadlines are the site's."""
        from redbeat.schedulers import get_redis

        return get_redis(self.app)

    def _entry(self, key: str, score: float | None, kept: Sequence[Any], statics: Collection[str]) -> Entry:
        name = key[len(self._prefix) :]
        definition, meta = _text(kept[0] or b""), _text(kept[1] or b"")
        # each run moves the score and the meta, and a long definition would be kept with each
        made = _entry if len(definition) + len(meta) <= LONGEST_KEPT else _entry.__wrapped__
        return made(name, score, definition, meta, name in statics, get_language())


@lru_cache(maxsize=MOST_KEPT)
def _entry(
    name: str, score: float | None, definition_text: str, meta: str, is_static: bool, language: str | None
) -> Entry:
    """Return what lies there: of most, nothing else does at the next look. Read in ``language``."""
    definition, broken = _definition(definition_text)
    args, kwargs = definition.get("args") or (), definition.get("kwargs") or {}
    unreadable = broken or not_given(args, kwargs)
    enabled = definition.get("enabled", True) is not False
    actions, refused = _offered(enabled, is_static, bool(broken), language)
    schedule, options = definition.get("schedule"), definition.get("options")
    queue = options.get("queue") if isinstance(options, Mapping) else None
    ran, count = _meta(meta)
    return Entry(
        clean(name),
        clean(str(definition.get("task") or "")),
        REDBEAT,
        expression(schedule) if schedule is not None else "",
        enabled=enabled,
        args=() if unreadable else tuple(args),
        kwargs={} if unreadable else dict(kwargs),
        queue=clean(str(queue)) if queue else None,
        last_run_at=ran,
        # the score of one that has run is too early where it was saved since, as beat does when it starts
        next_due=_moment(score) if ran is None else None,
        actions=actions,
        refused=refused,
        schedule=schedule,
        counted_from=ran,
        run_count=count,
        broken=unreadable,
        unreadable=unreadable,
    )


@lru_cache(maxsize=64)
def _offered(
    enabled: bool, is_static: bool, is_broken: bool, language: str | None
) -> tuple[frozenset[str], Mapping[str, str]]:
    """Return what can be done to an entry, and why not the rest, in ``language``: one value for all that are alike."""
    static = _("Its entry is in beat_schedule: beat would enable it again when it starts.")
    may_pause = static if is_static else ""
    actions, refused = offered(
        {
            RUN: "",
            PAUSE: may_pause if enabled else _("It is paused already."),
            RESUME: "" if not enabled else _("It is not paused."),
            SKIP: "" if enabled and not is_broken else _("Nothing is to come that could be skipped."),
        }
    )
    return actions, MappingProxyType(refused)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _moment(score: Any) -> datetime | None:
    """Return the time of a score: one below zero is never."""
    try:
        return datetime.fromtimestamp(float(score), timezone.utc) if score is not None and score >= 0 else None
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def _loads(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text) if len(text) <= LONGEST_DEFINITION else None
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _definition(text: str) -> tuple[Mapping[str, Any], str]:
    """Return a definition as redbeat reads it, and why it cannot be read."""
    from redbeat.decoder import RedBeatJSONDecoder

    if not text:
        return {}, _("Its definition is gone: beat takes it from the list when it is due.")
    try:
        content = json.loads(text, cls=RedBeatJSONDecoder) if len(text) <= LONGEST_DEFINITION else None
    except Exception as error:  # whatever a schedule makes of what is written there
        return _loads_plainly(text), _("Beat cannot read its definition: %(error)s") % {"error": clean(str(error), 300)}
    if not isinstance(content, Mapping) or not hasattr(content.get("schedule"), "remaining_estimate"):
        return {}, _("Beat cannot read its definition.")
    return content, ""


def _loads_plainly(text: str) -> Mapping[str, Any]:
    return {key: value for key, value in _loads(text).items() if key in ("task", "enabled")}


def _meta(text: str) -> tuple[datetime | None, int | None]:
    from redbeat.decoder import RedBeatJSONDecoder

    try:
        meta = json.loads(text, cls=RedBeatJSONDecoder) if text and len(text) <= LONGEST_META else {}
    except Exception:  # whatever lies there
        return None, None
    ran, count = (meta.get("last_run_at"), meta.get("total_run_count")) if isinstance(meta, Mapping) else (None, None)
    is_time = isinstance(ran, datetime) and ran.tzinfo is not None
    return (ran if is_time else None), (count if type(count) is int and count >= 0 else None)
