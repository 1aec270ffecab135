"""Fetching a picture that somebody named by its address: bounded in time and size, and checked to be one."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from io import BytesIO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from django.core.files.base import ContentFile
from PIL import Image, UnidentifiedImageError

READ_TIMEOUT = 5  # seconds for one read
TOTAL_TIMEOUT = 20  # seconds for all of them: a server may drip
MAX_BYTES = 5 * 1024 * 1024
MAX_PIXELS = 20_000_000
CHUNK = 16 * 1024
EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "WEBP": "webp"}


class BadPicture(ValueError):
    """There is no picture at that address, or none that the shop can show."""


class Unreachable(Exception):
    """The server did not answer, or not to the end; later it may."""


@dataclass(frozen=True)
class Picture:
    file: ContentFile
    extension: str
    width: int
    height: int


def fetch_picture(url: str, progress: Callable[..., None]) -> Picture:
    """Return the picture at ``url``. Raises BadPicture, or Unreachable when asking again may help."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise BadPicture(f"{url!r} is not an http or https address")
    # The errors of urllib hold a socket and do not survive the way from a pool process to the worker.
    try:
        return read_picture(download(url, progress))
    except HTTPError as error:
        kind = Unreachable if error.code >= 500 else BadPicture
        raise kind(f"{url} answered {error.code} {error.reason}") from None
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{url}: {getattr(error, 'reason', error)}") from None


def download(url: str, progress: Callable[..., None]) -> bytes:
    deadline = time.monotonic() + TOTAL_TIMEOUT
    body = BytesIO()
    request = Request(url, headers={"User-Agent": "harbour-tools", "Accept": "image/*"})
    with urlopen(request, timeout=READ_TIMEOUT) as response:
        expected = response.length  # None when the server does not say
        while chunk := response.read1(CHUNK):
            body.write(chunk)
            if body.tell() > MAX_BYTES:
                raise BadPicture(f"{url} is larger than {MAX_BYTES // 1024 // 1024} MB")
            if time.monotonic() > deadline:
                raise Unreachable(f"{url} took longer than {TOTAL_TIMEOUT} seconds")
            if expected:
                progress(body.tell(), expected, "Downloading")
    return body.getvalue()


def read_picture(content: bytes) -> Picture:
    try:
        with Image.open(BytesIO(content), formats=list(EXTENSIONS)) as image:
            (width, height), extension = image.size, EXTENSIONS[image.format]
            image.verify()
    except UnidentifiedImageError:
        raise BadPicture("what came is not a picture") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadPicture(f"the picture is damaged: {error}") from error
    if width * height > MAX_PIXELS:
        raise BadPicture(f"{width} by {height} pixels are too many")
    return Picture(ContentFile(content), extension, width, height)
