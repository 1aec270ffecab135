"""The shop's pages: the counter for staff, and each customer's own orders."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import transaction
from django.shortcuts import get_object_or_404, redirect
from django.views.generic import DetailView, ListView, View

from config.access import StaffRequiredMixin

from .models import Order, Product, Stock, Warehouse
from .tasks import count_warehouse, process_payment, restock_product


class OrderListView(StaffRequiredMixin, ListView):
    queryset = Order.objects.select_related("customer").prefetch_related("lines")
    paginate_by = 25


class OrderView(StaffRequiredMixin, DetailView):
    queryset = Order.objects.select_related("customer").prefetch_related("lines__product")


class OwnOrdersMixin(LoginRequiredMixin):
    """Only the orders of the customer who is logged in; those of others are not there."""

    def get_queryset(self):
        return Order.objects.filter(customer__user=self.request.user).prefetch_related("lines__product")


class OwnOrderListView(OwnOrdersMixin, ListView):
    template_name = "shop/own_order_list.html"


class OwnOrderView(OwnOrdersMixin, DetailView):
    template_name = "shop/own_order.html"


class PayView(OwnOrdersMixin, View):
    http_method_names = ["post"]

    def post(self, request, pk):
        order = get_object_or_404(self.get_queryset(), pk=pk)
        with transaction.atomic():
            unpaid = Order.objects.filter(pk=order.pk, status=Order.Status.NEW)
            if unpaid.update(status=Order.Status.PAYING):  # once, however often the button is pressed
                process_payment.delay_on_commit(order.pk)
        return redirect("own-order", pk)


class StockView(StaffRequiredMixin, ListView):
    queryset = Stock.objects.select_related("warehouse", "product")


class WarehouseView(StaffRequiredMixin, DetailView):
    queryset = Warehouse.objects.prefetch_related("stock__product")


class CountView(StaffRequiredMixin, View):
    http_method_names = ["post"]

    def post(self, request, pk):
        warehouse = get_object_or_404(Warehouse, pk=pk)
        return redirect(f"{warehouse.get_absolute_url()}?count={count_warehouse(warehouse)}")


class ProductView(StaffRequiredMixin, DetailView):
    queryset = Product.objects.select_related("home_warehouse").prefetch_related("stock__warehouse")


class RestockView(StaffRequiredMixin, View):
    http_method_names = ["post"]

    def post(self, request, pk):
        stock = get_object_or_404(Stock.objects.select_related("warehouse"), pk=pk)
        restock_product.delay_on_commit(stock.warehouse_id, stock.product_id)
        return redirect(stock.warehouse)
