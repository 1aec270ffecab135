"""``manage.py trial``: has this sandbox done anything, and can it be seen?"""

from celery_ops import tasks_for
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.test import Client

from shop.models import Order


class Command(BaseCommand):
    help = "Fails unless the page of an order shows staff the tasks that ran for it."

    def handle(self, **options):
        order = Order.objects.get(reference="HT-1003")
        done = [task for task in tasks_for(order) if task.state == "SUCCESS"]
        if not done:
            raise CommandError(f"No task of order {order} is known to have succeeded.")
        page = self.page(order)
        if missing := [task.label for task in done if task.id not in page]:
            raise CommandError(f"The page of order {order} does not show: {', '.join(missing)}.")
        self.stdout.write(f"Tasks that succeeded, on the page of order {order}: {len(done)}")

    def page(self, order):
        client = Client(SERVER_NAME="127.0.0.1")
        client.force_login(get_user_model().objects.get(username="staff"))
        response = client.get(order.get_absolute_url())
        if response.status_code != 200:
            raise CommandError(f"The page of order {order} answered {response.status_code}.")
        return response.content.decode()
