"""``manage.py trickle``: somebody is always at work in this shop."""

import itertools
import random
import time

from django.core.management.base import BaseCommand
from kombu.exceptions import OperationalError

from shop import schedules, trickle


class Command(BaseCommand):
    help = "Launches a few tasks at once, so that every page has something to show, and then one now and then."

    def add_arguments(self, parser):
        parser.add_argument("--every", type=float, default=6.5, help="seconds between two tasks, about")

    def handle(self, every, **options):
        self.launch(trickle.opening())
        is_forgotten = False
        for number in itertools.count(1):
            is_forgotten = is_forgotten or schedules.forget_one()
            time.sleep(random.uniform(0.75, 1.25) * every)
            self.launch([trickle.something()] if number % trickle.DELIVERY_EVERY else trickle.delivery())

    def launch(self, signatures):
        for signature in signatures:
            try:
                result = signature.apply_async()
            except OperationalError as error:
                self.stderr.write(f"{signature} could not be sent: {error}")
            else:
                self.stdout.write(f"{result.id} {signature}")
