from django.contrib.auth.views import LoginView
from django.http import HttpResponse
from django.urls import include, path

from tests.shop import views

urlpatterns = [
    path("favicon.ico", lambda request: HttpResponse(status=204)),  # Chromium asks for it, and a 404 is an error to see
    path("login/", LoginView.as_view(template_name="shop/login.html"), name="login"),
    path("orders/", views.order_list, name="order-list"),
    path("orders/<int:pk>/", views.order, name="order"),
    path("your-order/<int:pk>/", views.own_order, name="own-order"),
    path("behind/a/prefix/", include("celery_ops.urls")),
]
