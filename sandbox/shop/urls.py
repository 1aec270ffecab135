from django.urls import path

from . import views

urlpatterns = [
    path("orders/", views.OrderListView.as_view(), name="order-list"),
    path("orders/<int:pk>/", views.OrderView.as_view(), name="order"),
    path("my/orders/", views.OwnOrderListView.as_view(), name="own-order-list"),
    path("my/orders/<int:pk>/", views.OwnOrderView.as_view(), name="own-order"),
    path("my/orders/<int:pk>/pay/", views.PayView.as_view(), name="pay"),
    path("stock/", views.StockView.as_view(), name="stock"),
    path("stock/<int:pk>/restock/", views.RestockView.as_view(), name="restock"),
    path("warehouses/<int:pk>/", views.WarehouseView.as_view(), name="warehouse"),
    path("warehouses/<int:pk>/count/", views.CountView.as_view(), name="count"),
    path("products/<int:pk>/", views.ProductView.as_view(), name="product"),
]
