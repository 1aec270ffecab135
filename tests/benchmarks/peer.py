"""dj-celery-panel's list of results, asked the way its views ask it, where it is installed beside us."""

from typing import Any

#: What its views ask for when a request does not say.
ROWS_A_PAGE = 50

try:
    from dj_celery_panel.celery_utils import CeleryTasksDjangoCeleryResultsBackend as Peer
except ImportError:
    Peer = None

IS_INSTALLED = Peer is not None
NAME = "dj-celery-panel"


def task_list(app: Any, *, search: str = "", state: str = "", page: int = 1, rows: int = ROWS_A_PAGE) -> list[Any]:
    """Return the rows of one page of its list; ``state`` is one of those that it has a filter for."""
    found = Peer(app).get_tasks(
        search_query=search or None, page=page, per_page=rows, filter_type=state.lower() or None
    )
    assert found.error is None, found.error
    return found.tasks
