"""Commands are packed as Redis reads them, however long their words are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_ops.tracking.redis import protocol as wire


def read(packed):
    """Return the words of a packed command, as a server does."""
    count, rest = packed.split(b"\r\n", 1)
    assert count[:1] == b"*"
    words = []
    for _ in range(int(count[1:])):
        length, rest = rest.split(b"\r\n", 1)
        assert length[:1] == b"$"
        end = int(length[1:])
        words.append(rest[:end])
        assert rest[end : end + 2] == b"\r\n"
        rest = rest[end + 2 :]
    assert rest == b""
    return words


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=30))
def test_a_command_is_read_as_it_was_packed(words):
    assert read(wire.packed(words)) == words


@pytest.mark.parametrize("length", [2047, 2048, 2049, 100_000])
def test_a_long_word_is_packed_as_short_ones_are(length):
    words = [b"HSET", b"key", b"field", b"\r\n" * (length // 2) + b"x" * (length % 2)]
    assert read(wire.packed(words)) == words
