"""The site's addresses."""

from django.conf import settings
from django.conf.urls.static import static
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from .views import HomeView, LoginView

urlpatterns = [
    path("", HomeView.as_view(), name="home"),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("items/", include("inventory.urls")),
    path("", include("shop.urls")),
    path("ops/", include("celery_ops.urls")),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
