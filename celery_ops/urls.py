"""Included under any prefix: ``path("ops/", include("celery_ops.urls"))``."""

from django.urls import path

from .views.panel import PanelView

app_name = "celery_ops"

urlpatterns = [
    path("panel/<path:token>/", PanelView.as_view(), name="panel"),
]
