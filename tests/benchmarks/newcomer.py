"""``python -m tests.benchmarks.newcomer``: what a new process's first page of workers takes.

That is in milliseconds, and in those of the processor. It has shown another page before: what any first page takes is
not that of workers.
"""

import time


def main() -> None:
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.urls import reverse

    user, _ = get_user_model().objects.get_or_create(username="bench", is_superuser=True, is_staff=True)
    browser = Client()
    browser.force_login(user)
    browser.get(reverse("celery_ops:record-list"))
    begin, worked = time.perf_counter(), time.process_time()
    response = browser.get(reverse("celery_ops:worker-list"))
    taken, worked = time.perf_counter() - begin, time.process_time() - worked
    assert response.content.count(b"@bench") >= 3, response.content[:2000]
    print(1000 * taken, 1000 * worked)


if __name__ == "__main__":
    main()
