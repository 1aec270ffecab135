from django.urls import path

from . import views

urlpatterns = [
    path("", views.ItemListView.as_view(), name="item-list"),
    path("add/", views.ItemCreateView.as_view(), name="item-add"),
    path("pictures/<slug:name>.png", views.sample_picture, name="sample-picture"),
    path("<uuid:pk>/", views.ItemView.as_view(), name="item"),
    path("<uuid:pk>/edit/", views.ItemUpdateView.as_view(), name="item-edit"),
    path("<uuid:pk>/lead-times/", views.LeadTimesView.as_view(), name="item-lead-times"),
]
