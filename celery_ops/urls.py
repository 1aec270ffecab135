"""Included under any prefix: ``path("ops/", include("celery_ops.urls"))``."""

from django.urls import path, register_converter

from .converters import AnyText
from .views.api import HistoryApi, QueuesApi, WorkersApi
from .views.overview import OverviewView
from .views.panel import PanelView
from .views.queues import QueueDetailView, QueueListView
from .views.tasks import TaskDetailView, TaskListView
from .views.workers import WorkerDetailView, WorkerListView

app_name = "celery_ops"

register_converter(AnyText, "celery_ops_text")

urlpatterns = [
    path("", OverviewView.as_view(), name="overview"),
    path("tasks/", TaskListView.as_view(), name="task-list"),
    path("tasks/<celery_ops_text:task_id>/", TaskDetailView.as_view(), name="task-detail"),
    path("workers/", WorkerListView.as_view(), name="worker-list"),
    path("workers/<celery_ops_text:hostname>/", WorkerDetailView.as_view(), name="worker-detail"),
    path("queues/", QueueListView.as_view(), name="queue-list"),
    path("queues/<celery_ops_text:name>/", QueueDetailView.as_view(), name="queue-detail"),
    path("api/history/", HistoryApi.as_view(), name="api-history"),
    path("api/workers/", WorkersApi.as_view(), name="api-workers"),
    path("api/queues/", QueuesApi.as_view(), name="api-queues"),
    path("panel/<path:token>/", PanelView.as_view(), name="panel"),
]
