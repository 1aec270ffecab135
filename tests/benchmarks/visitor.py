"""``python -m tests.benchmarks.visitor``: a new process's first overview, a later one, and the next.

Of each the milliseconds, and those of the processor.
"""

import time


def main() -> None:
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.urls import reverse

    from celery_ops.backends.remote import snapshot

    user, _ = get_user_model().objects.get_or_create(username="bench", is_superuser=True, is_staff=True)
    browser = Client()
    browser.force_login(user)

    def get() -> str:
        begin, worked = time.perf_counter(), time.process_time()
        response = browser.get(reverse("celery_ops:overview"))
        took, worked = time.perf_counter() - begin, time.process_time() - worked
        assert b"celery@worker-000" in response.content, response.content[:2000]
        return f"{1000 * took} {1000 * worked}"

    first = get()
    time.sleep(2 * snapshot.FRESH + 0.5)
    print(first, get(), get())


if __name__ == "__main__":
    main()
