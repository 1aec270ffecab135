"""Scripts in Lua: a server that has been told one's text carries it out by its digest from then on."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from redis.exceptions import NoPermissionError, NoScriptError, ResponseError

from .protocol import packed

#: What a server answers to a digest where the text will do: it was started since, or flushed, or another one is the
#: master now; or its user may not have anything carried out by a digest.
_UNTAKEN: Final = (NoScriptError, NoPermissionError)


@dataclass(frozen=True, slots=True)
class Script:
    text: bytes
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.text, usedforsecurity=False).hexdigest().encode()
        object.__setattr__(self, "digest", digest)

    def call(self, *words: bytes, by_digest: bool) -> bytes:
        """Return the command that carries it out: ``words`` are how many keys there are, these, and the arguments."""
        return packed((b"EVALSHA", self.digest, *words) if by_digest else (b"EVAL", self.text, *words))


class ToldScripts:
    """Which scripts a store was told in this process: their digests are a fraction of their texts."""

    def __init__(self) -> None:
        self._told: set[Script] = set()
        self._takes_digests = True

    def replies(self, script: Script, send: Callable[[bool], list[Any]]) -> list[Any]:
        """Return the replies to calls of a script, errors among them.

        ``send`` sends them, by the script's digest or its text, and returns as many replies. It sends all of them again
        where the digest of one is not taken: carried out twice it must do no harm, and the first reply is what counts.
        """
        replies: list[Any] = []
        if self._takes_digests and script in self._told:
            replies = send(True)
            if not any(isinstance(reply, _UNTAKEN) for reply in replies):
                return replies
        texts = send(False)
        if not any(isinstance(reply, ResponseError) for reply in texts):
            self._told.add(script)
            if any(isinstance(reply, NoPermissionError) for reply in replies):
                self._takes_digests = False  # only now is it known that it was the digest's fault
        firsts = replies or texts
        return [text if isinstance(first, _UNTAKEN) else first for first, text in zip(firsts, texts, strict=True)]
