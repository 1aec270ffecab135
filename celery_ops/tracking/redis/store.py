"""Tracked tasks in Redis or Valkey: one hash an object, and in it a few fields a task.

``{prefix}:{label:pk}`` holds short values only, so that it keeps Redis's compact encoding: values over 64 bytes lie in
pieces, and longer ones in ``{prefix}:{label:pk}:long`` under the same field, but for those of logs, which are long
anyway. The braces are a hash tag: an object's two keys share a slot.
"""

import re
import threading
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain
from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, ReadOnlyError, RedisError, ResponseError

from ...conf import conf
from ...exceptions import StorePartlyUnavailable, StoreUnavailable
from .. import prefix
from ..gil import letting_go
from ..keys import part, quoted, worker_key
from ..memory import is_full, oldest
from ..refs import ObjectRef
from ..signs import Sign
from ..store import BEAT_COUNTS, INDEX, LOG, WORKFLOW, Batch, IfAbsent, Note, Store, lifetime
from ..tallies import Added, Row, Tallies, Wanted
from ..workflows import sizes as workflow_sizes
from . import pieces, worker_connection
from .cluster import Cluster
from .hashes import Hashes
from .protocol import Command, Question, first_error, is_foreign, packed
from .read_scripts import READ_BETWEEN, READ_UNLESS
from .replies import checked, fields_of, note_of, paired, scanned, size_of, text_of
from .scripts import Script, ToldScripts
from .servers import store_servers
from .tally_commands import ADD, ROWS_A_SCRIPT, TallyKeys, added, addition, additions, rows_read
from .worker_connection import WorkerConnection

#: Objects of a write that are packed before Python's lock is let go of.
PACKED_AT_ONCE: Final = 48
#: Writes of a process between two that ask how large the objects' hashes have become.
MEASURE_EVERY: Final = 16

#: What a server answers that may take a script again in a moment.
PASSING: Final = ("BUSY", "CLUSTERDOWN", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "TRYAGAIN")

#: When a worker began: no moment in milliseconds has more digits, and Python reads only so many.
_MOMENT: Final = re.compile(rb"[0-9]{1,15}")

#: Ends the name of the hash beside an object's.
BESIDE: Final = b":long"

#: Tasks of an object that are asked for one by one, rather than the whole object; and more fields than one has.
MOST_SCANS: Final = 4
WHOLE: Final = b"100000"

PING: Final = packed((b"PING",))
#: That command with a key of so many bytes, packed.
_HGETALL: Final = b"*2\r\n$7\r\nHGETALL\r\n$%d\r\n%b\r\n"


class RedisStore(Store):
    """The servers at ``STORE_URL``, or the broker's. Every call is one round trip within ``STORE_TIMEOUT``.

    Of a cluster it is one to each server that has keys of it, all at once. A server that has forgotten a script takes
    a second one.
    """

    def __init__(self) -> None:
        self._servers = store_servers(conf.STORE_TIMEOUT)
        self._writes = 0
        self._scripts = ToldScripts()
        self._takes_scripts = self._adds_by_script = self._leaves_out = True
        self._signing = threading.Lock()
        self._worker_connection: WorkerConnection | None = None

    @property
    def cluster(self) -> Cluster | None:
        """The cluster that this store is in, if it is in one."""
        return self._servers if isinstance(self._servers, Cluster) else None

    def write(self, batch: Batch) -> int:
        """In transactions: a key is never without its time to live, whatever happens to the connection."""
        self._writes += 1
        hashes = Hashes(measured=self._writes % MEASURE_EVERY == 0)
        first = quoted(prefix.current())
        lives: dict[str, bytes] = {}  # by label
        counts: list[int] = []  # of each object's hashes
        for ref, fields in letting_go(batch, PACKED_AT_ONCE):
            label = ref.label
            seconds = lives.get(label) or lives.setdefault(label, b"%d" % lifetime(ref))
            counts.append(_put(hashes, _key(first, label, ref.pk), label, fields, seconds))
            hashes.measured |= label == WORKFLOW
        told = self._servers.write(hashes)
        if not told:
            return 0
        refused, left, failure, end = 0, [], None, 0
        for count, (ref, fields) in zip(counts, batch, strict=True):
            begin, end = end, end + count
            outcomes = [told.get(number) for number in range(begin, end)]
            if failures := [outcome for outcome in outcomes if isinstance(outcome, StoreUnavailable)]:
                failure = failures[0]
                left.append((ref, fields))
            elif any(isinstance(outcome, ResponseError) for outcome in outcomes):
                refused += 1
            elif isinstance(size := outcomes[0], int) and ref.label == WORKFLOW:
                workflow_sizes.heard(ref.pk, size)
            elif isinstance(size, int) and is_full(ref, size):
                self._trim(ref)
        if failure is not None:
            raise _partly(failure, left, batch) from failure
        return refused

    def read(self, refs: Sequence[ObjectRef]) -> list[dict[str, str | None]]:
        replies = self._servers.ask([(key, _HGETALL % (len(key), key)) for key in self._keys(refs)])
        return [fields_of(reply) if reply else {} for reply in replies]

    def read_fields(self, wanted: Sequence[tuple[ObjectRef, Collection[str]]]) -> list[dict[str, str | None]]:
        fields = [list(chain.from_iterable(pieces.names_of(name.encode()) for name in names)) for _ref, names in wanted]
        keys = self._keys([ref for ref, _names in wanted])
        replies = self._servers.ask(
            [
                _question(key, b"HMGET", *named) if named else (key, _HGETALL % (len(key), key))
                for key, named in zip(keys, fields, strict=True)
            ]
        )
        answers = zip(fields, replies, strict=True)
        return [fields_of(paired(named, reply) if named else reply) for named, reply in answers]

    def read_begun(self, wanted: Sequence[tuple[ObjectRef, Collection[str]]]) -> list[dict[str, str | None]]:
        keys = self._keys([ref for ref, _texts in wanted])
        scans = [[text.encode() for text in texts] if len(texts) <= MOST_SCANS else [] for _ref, texts in wanted]
        questions: list[Question] = []
        for key, texts in zip(keys, scans, strict=True):
            questions += (_question(key, b"HSCAN", b"0", b"MATCH", text + b"*", b"COUNT", WHOLE) for text in texts)
            questions += () if texts else ((key, _HGETALL % (len(key), key)),)
        replies = iter(self._servers.ask(questions))
        return [
            fields_of(scanned([next(replies) for _text in texts])) if texts else fields_of(next(replies))
            for texts in scans
        ]

    def read_between(self, wanted: Sequence[tuple[ObjectRef, int, int]]) -> list[dict[str, str | None]]:
        if not self._leaves_out:
            return super().read_between(wanted)
        keys = self._keys([ref for ref, _least, _most in wanted])
        bounds = [(b"%d" % least, b"%d" % most) for _ref, least, most in wanted]
        replies = self._called(READ_BETWEEN, list(zip(keys, bounds, strict=True)))
        refused = first_error(replies)
        if refused is not None:  # a user of Redis may be refused EVAL
            self._leaves_out = "WRONGTYPE" in str(refused) or str(refused).startswith(PASSING)
            return super().read_between(wanted)
        return [fields_of(reply) for reply in replies]

    def sizes(self, refs: Sequence[ObjectRef]) -> list[int]:
        replies = self._servers.ask([_question(key, b"HLEN") for key in self._keys(refs)])
        return [size_of(reply) for reply in replies]

    def read_unless(self, ref: ObjectRef, version: str) -> tuple[str, dict[str, str | None] | None]:
        if not self._takes_scripts:
            return super().read_unless(ref, version)
        key = self._key(ref)
        (reply,) = self._called(READ_UNLESS, [(key, (version.encode(),))])
        if isinstance(reply, ResponseError):  # a user of Redis may be refused EVAL or DUMP
            self._takes_scripts = is_foreign(reply) or str(reply).startswith(PASSING)
            return super().read_unless(ref, version)
        return text_of(reply[0]), fields_of(reply[1]) if len(reply) > 1 else None

    def look_up(
        self, fields: Sequence[tuple[ObjectRef, str]], hostnames: Sequence[str] = ()
    ) -> tuple[list[str | None], dict[str, int]]:
        questions = [_question(self._key(ref), b"HGET", name.encode(), of=b":long") for ref, name in fields]
        questions += [_question(self._worker_key(host), b"GET") for host in hostnames]
        answers = self._servers.ask(questions) if questions else []
        replies = [None if isinstance(answer, ResponseError) else answer for answer in answers]
        values = [None if reply is None else text_of(reply) for reply in replies[: len(fields)]]
        beats = zip(hostnames, replies[len(fields) :], strict=True)
        return values, {host: int(reply) for host, reply in beats if reply is not None and _MOMENT.fullmatch(reply)}

    def beat(self, hostname: str, started: int) -> None:
        key = self._worker_key(hostname)
        checked(self._ask(key, (b"SET", key, b"%d" % started, b"EX", b"%d" % BEAT_COUNTS)))

    def sign(self, sign: Sign) -> bool:
        with self._signing:
            try:
                if not self._goes_on(sign):
                    self._worker_connection = worker_connection.opened(
                        self._servers.connected(self._signs_key), self._signs_key
                    )
                    self._worker_connection.say(sign)
            except (RedisError, OSError, ValueError) as error:
                self._worker_connection = None
                raise self._servers.unavailable(error) from error
        return True

    def _goes_on(self, sign: Sign) -> bool:
        """Give the sign on the connection of those before. Return whether there is one, and to the right place."""
        if self._worker_connection is None:
            return False
        try:
            self._worker_connection.say(sign)
        except (RedisConnectionError, MovedError, ReadOnlyError):
            return False
        return True

    def signs(self) -> tuple[Sequence[Sign], int]:
        key = self._signs_key
        kept, time = self._servers.ask([(key, packed((b"HVALS", key))), (key, packed((b"TIME",)))])
        return worker_connection.read(kept, time)

    def connected(self, signs: Sequence[Sign]) -> Collection[str] | None:
        clients = [b"%d" % sign.client for sign in signs if sign.client]
        if not clients:
            return None
        return worker_connection.connected(self._servers.ask_all(packed((b"CLIENT", b"LIST", b"ID", *clients))), signs)

    def read_notes(self, names: Sequence[str]) -> list[Note | None] | None:
        keys = [self._note_key(name) for name in names]
        questions = [question for key in keys for question in (_question(key, b"GET"), _question(key, b"PTTL"))]
        replies = iter(self._servers.ask(questions))
        return [note_of(value, left) for value, left in zip(replies, replies, strict=True)]

    def write_notes(self, notes: Mapping[str, tuple[bytes, float]]) -> bool:
        keys = [self._note_key(name) for name in notes]
        commands = [_noting(key, *note) for key, note in zip(keys, notes.values(), strict=True)]
        replies = self._servers.ask(list(zip(keys, map(packed, commands), strict=True)))
        return first_error(replies) is None

    def add_note(self, name: str, value: bytes, seconds: float) -> bool:
        key = self._note_key(name)
        return self._ask(key, (*_noting(key, value, seconds), b"NX")) is not None

    def add(self, rows: Sequence[Row], once: str) -> list[Added] | None:
        if self._adds_by_script:
            parts = [rows[begin : begin + ROWS_A_SCRIPT] for begin in range(0, len(rows), ROWS_A_SCRIPT)]
            replies = self._scripts.replies(ADD, partial(self._add_by_script, parts, once))
            refused = first_error(replies)
            if refused is None:
                return [*chain.from_iterable(map(added, parts, replies))]
            if not str(refused).startswith("NOPERM"):
                raise StoreUnavailable(str(refused)) from refused
            self._adds_by_script = False  # then what a store took and did not answer is added twice
        for outcome in self._servers.carry_out(additions(self._tally_keys, rows)):
            if isinstance(outcome, StoreUnavailable):
                raise outcome
        return [Added()] * len(rows)

    def _add_by_script(self, parts: Sequence[Sequence[Row]], once: str, by_digest: bool) -> list[Any]:
        keys = self._tally_keys
        calls = [addition(keys, part, f"{once}.{number}", by_digest=by_digest) for number, part in enumerate(parts)]
        return self._servers.execute(calls)

    def tallies(self, wanted: Wanted) -> Tallies:
        questions = self._tally_keys.questions(wanted)
        return rows_read(wanted, self._servers.ask(questions) if questions else [])

    def ping(self) -> None:
        for reply in self._servers.ask_all(PING):
            checked(reply)

    def close(self) -> None:
        self._servers.close()

    def _trim(self, ref: ObjectRef) -> None:
        (stored,) = self.read([ref])
        if dropped := oldest(ref, stored):
            key, names = self._key(ref), [name.encode() for name in dropped]
            short = chain.from_iterable(map(pieces.names_of, names))
            self._servers.ask([_question(key, b"HDEL", *short), _question(key, b"HDEL", *names, of=b":long")])

    def _key(self, ref: ObjectRef) -> bytes:
        return self._keys([ref])[0]

    @staticmethod
    def _keys(refs: Sequence[ObjectRef]) -> list[bytes]:
        first = quoted(prefix.current())
        return [_key(first, ref.label, ref.pk) for ref in refs]

    def _worker_key(self, hostname: str) -> bytes:
        return worker_key(prefix.of_workers(), hostname).encode()

    @staticmethod
    def _note_key(name: str) -> bytes:
        return f"{quoted(prefix.of_workers())}:{{~note}}:{part(name)}".encode()

    @property
    def _tally_keys(self) -> TallyKeys:
        return TallyKeys(f"{quoted(prefix.current())}:{{~n}}:", part)

    @property
    def _signs_key(self) -> bytes:
        return f"{quoted(prefix.of_workers())}:workers".encode()

    def _called(self, script: Script, calls: Sequence[tuple[bytes, Command]]) -> list[Any]:
        """Return the replies to a script that is called for one key each time, with these words."""
        return self._scripts.replies(script, partial(self._call, script, calls))

    def _call(self, script: Script, calls: Sequence[tuple[bytes, Command]], by_digest: bool) -> list[Any]:
        return self._servers.ask([(key, script.call(b"1", key, *words, by_digest=by_digest)) for key, words in calls])

    def _ask(self, key: bytes, command: Command) -> Any:
        """Return the reply of the server that has ``key``, which may be an error."""
        (reply,) = self._servers.ask([(key, packed(command))])
        return reply


def _noting(key: bytes, value: bytes, seconds: float) -> Command:
    return (b"SET", key, value, b"PX", b"%d" % (1000 * seconds)) if seconds > 0 else (b"DEL", key)


def _question(key: bytes, command: bytes, *arguments: bytes, of: bytes = b"") -> Question:
    """Ask this of a key, or with ``of`` of the one beside it that is called so."""
    return key, packed((command, key + of, *arguments))


def _partly(failure: StoreUnavailable, left: list[Any], batch: Batch) -> StoreUnavailable:
    is_partial = isinstance(failure, StorePartlyUnavailable) or len(left) < len(batch)
    return StorePartlyUnavailable(str(failure), left) if is_partial else failure


@lru_cache(maxsize=1024)
def _key(first: str, label: str, pk: str) -> bytes:
    """Return an object's key: the index has few, and a burst writes to each of them again and again."""
    return f"{first}:{{{part(label)}:{part(pk)}}}".encode()


def _put(hashes: Hashes, key: bytes, label: str, fields: Mapping[str, str], seconds: bytes) -> int:
    """Put an object's fields where they belong: short values and pieces here, longer ones beside it.

    Of a log nothing lies beside it, for most of it is long. Return how many hashes that is.
    """
    replaced: list[bytes] = []
    stay: list[bytes] = []
    long: tuple[list[bytes], list[bytes]] | None = None
    for called, text in fields.items():
        field, value, stays = called.encode(), text.encode("utf-8", "replace"), isinstance(text, IfAbsent)
        here = stay if stays else replaced
        if pieces.is_whole(value):
            here += (field, value)
            continue
        is_long = len(value) > pieces.LONGEST_IN_PIECES
        if is_long and label == LOG:
            here += (field, value)
            continue
        for name, piece in pieces.cut(field, value):
            here += (name, piece)
        if is_long:
            long = long or ([], [])
            long[stays].extend((field, value))
    if long is None:  # an index's longer values need not outlive what they were written with
        hashes.put(key, seconds if label in (INDEX, LOG) else seconds + BESIDE, replaced, stay)
        return 1
    hashes.put(key, seconds, replaced, stay)
    hashes.put(key + BESIDE, seconds, *long)
    return 2
