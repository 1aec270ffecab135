"""``python -m tests.benchmarks.newcomer``: the milliseconds of a new process's first page of workers.

It has shown another page before: what any first page takes is not that of workers.
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
    begin = time.perf_counter()
    response = browser.get(reverse("celery_ops:worker-list"))
    taken = time.perf_counter() - begin
    assert response.content.count(b"@bench") >= 3, response.content[:2000]
    print(1000 * taken)


if __name__ == "__main__":
    main()
