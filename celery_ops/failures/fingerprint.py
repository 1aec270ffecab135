"""What failures of the same kind have in common, and the key that stands for it."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, Final

from billiard.exceptions import SoftTimeLimitExceeded

from ..logs import get_logger
from .normalising import compared

logger = get_logger("celery_ops.failures")

#: Characters of an exception's class.
LONGEST_CLASS: Final = 200
#: Bytes of a key.
DIGEST: Final = 9
_SEPARATOR: Final = "\x1f"


@dataclass(frozen=True)
class Fingerprint:
    """``exception`` is the class, ``message`` the normalised message, ``frame`` the innermost function of the site's.

    A frame is called by its module and function, so that a line more above it makes no other group; empty for none.
    """

    exception: str
    message: str = ""
    frame: str = ""

    @cached_property
    def key(self) -> str:
        """12 characters that may stand in a URL."""
        text = _SEPARATOR.join((self.exception, compared(self.message), self.frame))
        digest = blake2b(text.encode("utf-8", "replace"), digest_size=DIGEST).digest()
        return urlsafe_b64encode(digest).decode()


def class_of(exception: BaseException) -> str:
    """Return how Celery and Python show a class in a traceback: Python's own ones without a module."""
    name = getattr(exception, "exc_cls_name", None)  # what could not be pickled is wrapped
    module = getattr(exception, "exc_module", None)
    if not (isinstance(name, str) and isinstance(module, str)):
        name, module = type(exception).__qualname__, type(exception).__module__
    return qualified(module, name)


def qualified(module: Any, name: str) -> str:
    """Return the name of a class with its module, as a traceback has it."""
    is_plain = not isinstance(module, str) or module in ("", "builtins", "__main__", "exceptions")
    return (name if is_plain else f"{module}.{name}")[:LONGEST_CLASS]


def message_of(exception: BaseException, longest: int) -> str:
    """Return the beginning of what an exception says, as a traceback ends; empty when it cannot say it."""
    try:
        text = str(exception.msg if isinstance(exception, SyntaxError) else exception)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # of the site's own class: its failure is counted all the same
        logger.debug("A failure does not say what it is: %s", type(error).__name__)
        return ""
    return text[:longest]
