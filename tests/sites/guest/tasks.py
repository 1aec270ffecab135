from celery import shared_task
from django.apps import apps
from django.contrib.auth.models import Group


def set_progress(current, total):
    """Stands in where the app is not."""


@shared_task
def greet(group_id):
    set_progress(1, 2)
    return f"hello {group_id}"


@shared_task
def fails(group_id, secret):
    raise ValueError(f"password={secret}")


@shared_task(bind=True, max_retries=1)
def tries_again(self, group_id):
    raise self.retry(countdown=0)


if apps.is_installed("celery_ops"):
    from celery_ops import set_progress, track, tracking  # noqa: F401 - as sites do

    greet, fails, tries_again = (track(Group)(task) for task in (greet, fails, tries_again))
