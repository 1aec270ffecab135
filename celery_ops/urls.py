"""Included under any prefix: ``path("ops/", include("celery_ops.urls"))``."""

from django.urls import register_converter

from .converters import AnyText
from .views.lazy_path import LazyPath

app_name = "celery_ops"

register_converter(AnyText, "celery_ops_text")


def _page(route: str, view: str, name: str) -> LazyPath:
    return LazyPath(route, f"celery_ops.views.{view}", name)


urlpatterns = [
    _page("", "overview.overview.OverviewView", "overview"),
    _page("tasks/", "tasks.list.TaskListView", "task-list"),
    _page("tasks/<celery_ops_text:task_id>/stack/", "tasks.stack.TaskStackView", "task-stack"),
    _page("tasks/<celery_ops_text:task_id>/", "tasks.list.TaskDetailView", "task-detail"),
    _page("insight/", "insight.page.InsightView", "insight"),
    _page("types/", "task_types.TaskTypeListView", "task-type-list"),
    _page("run/", "runs.pages.RunListView", "run-list"),
    _page("run/<celery_ops_text:name>/", "runs.pages.RunTaskView", "run-task"),
    _page("retry/", "bulk.retry.RetryView", "retry"),
    _page("retry/all/", "bulk.retry.BulkRetryView", "bulk-retry"),
    _page("retry/all/<int:pk>/", "bulk.retry.BulkRetryDetailView", "bulk-retry-detail"),
    _page("revoke/", "bulk.revoke.RevokeView", "revoke"),
    _page("revoke/all/", "bulk.revoke.BulkRevokeView", "bulk-revoke"),
    _page("revoke/all/<int:pk>/", "bulk.revoke.BulkRevokeDetailView", "bulk-revoke-detail"),
    _page("revoke/stamped/", "bulk.revoke.RevokeStampedView", "revoke-stamped"),
    _page("workflows/<celery_ops_text:task_id>/retry/", "workflows.rerun.WorkflowRetryView", "workflow-retry"),
    _page("workflows/<celery_ops_text:task_id>/", "workflows.page.WorkflowView", "workflow"),
    _page("failures/", "failures.list.FailureListView", "failure-list"),
    _page("failures/act/", "failures.action.FailureActionView", "failure-action"),
    _page("failures/<celery_ops_text:key>/", "failures.detail.FailureDetailView", "failure-detail"),
    _page("schedules/", "schedules.list.ScheduleListView", "schedule-list"),
    _page("schedules/act/", "schedules.action.ScheduleActionView", "schedule-action"),
    _page("schedules/<celery_ops_text:name>/", "schedules.detail.ScheduleDetailView", "schedule-detail"),
    _page("workers/", "workers.WorkerListView", "worker-list"),
    _page("workers/<celery_ops_text:hostname>/", "workers.WorkerDetailView", "worker-detail"),
    _page("queues/", "queues.QueueListView", "queue-list"),
    _page("queues/<celery_ops_text:name>/", "queues.QueueDetailView", "queue-detail"),
    _page("journal/", "journal.runs.RecordListView", "record-list"),
    _page("journal/<int:pk>/", "journal.runs.RecordDetailView", "record-detail"),
    _page("journal/control/", "journal.control.ControlRecordListView", "control-record-list"),
    _page("journal/control/<int:pk>/", "journal.control.ControlRecordDetailView", "control-record-detail"),
    _page("control/workers/", "control.actions.WorkerControlView", "worker-control"),
    _page("control/queues/", "control.actions.QueueControlView", "queue-control"),
    _page("api/openapi.json", "api.tasks.SchemaApi", "api-schema"),
    _page("api/tasks/", "api.tasks.TasksApi", "api-tasks"),
    _page("api/runs/", "api.runs.RunsApi", "api-runs"),
    _page("api/runs/<celery_ops_text:task_id>/", "api.run.RunApi", "api-run"),
    _page("api/logs/<celery_ops_text:task_id>/", "api.logs.LogsApi", "api-logs"),
    _page("api/history/", "api.lists.HistoryApi", "api-history"),
    _page("api/workers/", "api.lists.WorkersApi", "api-workers"),
    _page("api/failures/", "api.failures.FailuresApi", "api-failures"),
    _page("api/schedules/", "api.schedules.SchedulesApi", "api-schedules"),
    _page("api/queues/", "api.lists.QueuesApi", "api-queues"),
    _page("api/insight/", "api.insight.InsightApi", "api-insight"),
    _page("api/types/", "api.task_types.TaskTypesApi", "api-task-types"),
    _page("api/workflows/<celery_ops_text:task_id>/", "api.workflow.WorkflowApi", "api-workflow"),
    _page("metrics/", "metrics.MetricsView", "metrics"),
    _page("progress/<path:token>/", "workflows.progress.WorkflowProgressView", "workflow-progress"),
    _page("panel/<path:token>/", "panel.PanelView", "panel"),
]
