from django.apps import apps
from django.contrib import admin
from django.urls import include, path

from tests.urls import urlpatterns as urls_of_the_tests

urlpatterns = [*urls_of_the_tests]

if apps.is_installed("dj_celery_panel"):
    urlpatterns += [
        path("admin/dj-control-room-base/", include("dj_control_room_base.urls")),
        path("admin/dj-celery-panel/", include("dj_celery_panel.urls")),
    ]

if apps.is_installed("vcelerytaskrunner"):
    from vcelerytaskrunner.views import TaskRunFormView, TasksAPIView, TasksView

    urlpatterns += [
        path("tasks/", TasksView.as_view(), name="vcelery-tasks"),
        path("task_run/", TaskRunFormView.as_view(), name="vcelery-task-run"),
        path("api/tasks/", TasksAPIView.as_view(), name="vcelery-api-tasks"),
    ]

urlpatterns += [path("admin/", admin.site.urls)]
