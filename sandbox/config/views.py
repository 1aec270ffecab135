"""The front door."""

from django.contrib.auth import views as auth_views
from django.views.generic import TemplateView

from inventory.models import Item
from shop.demo import LOGINS
from shop.models import Order, Product


class HomeView(TemplateView):
    template_name = "home.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            items=Item.objects.count(),
            orders=Order.objects.count(),
            products=Product.objects.count(),
            newest=Order.objects.select_related("customer")[:5],
            **kwargs,
        )


class LoginView(auth_views.LoginView):
    extra_context = {"logins": LOGINS}
    redirect_authenticated_user = False
