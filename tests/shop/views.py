"""Pages as a site has them: for its staff, and for the customer who knows the address."""

from django.contrib.auth.decorators import login_required
from django.shortcuts import get_object_or_404, render

from .models import Order


@login_required
def order_list(request):
    return render(request, "shop/order_list.html", {"orders": Order.objects.order_by("pk")})


@login_required
def order(request, pk):
    return render(request, "shop/order.html", {"order": get_object_or_404(Order, pk=pk)})


def own_order(request, pk):
    return render(request, "shop/own_order.html", {"order": get_object_or_404(Order, pk=pk)})
