"""The stockroom's pages, for staff."""

from celery_ops import tracking
from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.generic import CreateView, DetailView, ListView, UpdateView, View

from config.access import StaffRequiredMixin

from . import pictures
from .forms import ItemForm
from .models import Item
from .tasks import update_average_lead_times


class ItemListView(StaffRequiredMixin, ListView):
    queryset = Item.objects.select_related("supplier")
    paginate_by = 25


class ItemView(StaffRequiredMixin, DetailView):
    queryset = Item.objects.select_related("supplier").prefetch_related("lead_times")


class ItemFormMixin(StaffRequiredMixin):
    model = Item
    form_class = ItemForm

    def get_context_data(self, **kwargs):
        address = settings.SITE_URL + reverse("sample-picture", args=["gear"])
        return super().get_context_data(sample=address, samples=", ".join(pictures.DRAWINGS), **kwargs)


class ItemCreateView(ItemFormMixin, CreateView):
    pass


class ItemUpdateView(ItemFormMixin, UpdateView):
    pass


class LeadTimesView(StaffRequiredMixin, View):
    """A task that knows nothing of items, bound to this one because it was asked for on its page."""

    http_method_names = ["post"]

    def post(self, request, pk):
        item = get_object_or_404(Item, pk=pk)
        with tracking(item):
            update_average_lead_times.delay()
        return redirect(item)


def sample_picture(request, name):
    """The pictures that the items' image addresses lead to, so that the sandbox works without a network."""
    if name not in pictures.DRAWINGS:
        raise Http404(f"There is no picture called {name}")
    return HttpResponse(pictures.draw(name), content_type="image/png")
