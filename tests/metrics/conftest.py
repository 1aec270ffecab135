import pytest


@pytest.fixture(params=["memory", "redis"])
def store(request):
    """Both stores in turn."""
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def round_trips(redis_store, monkeypatch):
    """Return a function that counts what was sent to the store's server so far."""
    sends = []
    server = type(redis_store._servers)
    really = server._send
    monkeypatch.setattr(server, "_send", lambda self, *sent: (sends.append(1), really(self, *sent))[1])
    return lambda: len(sends)
