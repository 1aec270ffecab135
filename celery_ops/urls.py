"""Included under any prefix: ``path("ops/", include("celery_ops.urls"))``."""

from django.urls import path, register_converter

from .converters import AnyText
from .views.api.lists import HistoryApi, QueuesApi, WorkersApi
from .views.api.run import RunApi
from .views.api.runs import RunsApi
from .views.api.tasks import SchemaApi, TasksApi
from .views.bulk.retry import BulkRetryDetailView, BulkRetryView, RetryView
from .views.bulk.revoke import BulkRevokeDetailView, BulkRevokeView, RevokeStampedView, RevokeView
from .views.control.actions import QueueControlView, WorkerControlView
from .views.journal.control import ControlRecordDetailView, ControlRecordListView
from .views.journal.runs import RecordDetailView, RecordListView
from .views.overview.overview import OverviewView
from .views.panel import PanelView
from .views.queues import QueueDetailView, QueueListView
from .views.runs.pages import RunListView, RunTaskView
from .views.tasks.list import TaskDetailView, TaskListView
from .views.workers import WorkerDetailView, WorkerListView

app_name = "celery_ops"

register_converter(AnyText, "celery_ops_text")

urlpatterns = [
    path("", OverviewView.as_view(), name="overview"),
    path("tasks/", TaskListView.as_view(), name="task-list"),
    path("tasks/<celery_ops_text:task_id>/", TaskDetailView.as_view(), name="task-detail"),
    path("run/", RunListView.as_view(), name="run-list"),
    path("run/<celery_ops_text:name>/", RunTaskView.as_view(), name="run-task"),
    path("retry/", RetryView.as_view(), name="retry"),
    path("retry/all/", BulkRetryView.as_view(), name="bulk-retry"),
    path("retry/all/<int:pk>/", BulkRetryDetailView.as_view(), name="bulk-retry-detail"),
    path("revoke/", RevokeView.as_view(), name="revoke"),
    path("revoke/all/", BulkRevokeView.as_view(), name="bulk-revoke"),
    path("revoke/all/<int:pk>/", BulkRevokeDetailView.as_view(), name="bulk-revoke-detail"),
    path("revoke/stamped/", RevokeStampedView.as_view(), name="revoke-stamped"),
    path("workers/", WorkerListView.as_view(), name="worker-list"),
    path("workers/<celery_ops_text:hostname>/", WorkerDetailView.as_view(), name="worker-detail"),
    path("queues/", QueueListView.as_view(), name="queue-list"),
    path("queues/<celery_ops_text:name>/", QueueDetailView.as_view(), name="queue-detail"),
    path("journal/", RecordListView.as_view(), name="record-list"),
    path("journal/<int:pk>/", RecordDetailView.as_view(), name="record-detail"),
    path("journal/control/", ControlRecordListView.as_view(), name="control-record-list"),
    path("journal/control/<int:pk>/", ControlRecordDetailView.as_view(), name="control-record-detail"),
    path("control/workers/", WorkerControlView.as_view(), name="worker-control"),
    path("control/queues/", QueueControlView.as_view(), name="queue-control"),
    path("api/openapi.json", SchemaApi.as_view(), name="api-schema"),
    path("api/tasks/", TasksApi.as_view(), name="api-tasks"),
    path("api/runs/", RunsApi.as_view(), name="api-runs"),
    path("api/runs/<celery_ops_text:task_id>/", RunApi.as_view(), name="api-run"),
    path("api/history/", HistoryApi.as_view(), name="api-history"),
    path("api/workers/", WorkersApi.as_view(), name="api-workers"),
    path("api/queues/", QueuesApi.as_view(), name="api-queues"),
    path("panel/<path:token>/", PanelView.as_view(), name="panel"),
]
