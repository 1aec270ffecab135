import pytest


@pytest.fixture(params=["memory", "redis"])
def store(request):
    """Both stores in turn."""
    return request.getfixturevalue(f"{request.param}_store")
