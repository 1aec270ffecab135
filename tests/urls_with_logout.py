from django.contrib.auth.views import LogoutView
from django.urls import include, path

urlpatterns = [
    path("out/", LogoutView.as_view(next_page="/"), name="logout"),
    path("ops/", include("celery_ops.urls")),
]
