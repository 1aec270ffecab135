"""Addresses of pages, made without asking Django for each name that stands in them as it is."""

import pytest
from django.urls import reverse, set_script_prefix
from hypothesis import given
from hypothesis import strategies as st

from celery_ops.links import PLAIN, queue_url, schedule_url, task_url, worker_url

PAGES = {
    task_url: "task-detail",
    worker_url: "worker-detail",
    queue_url: "queue-detail",
    schedule_url: "schedule-detail",
}


@pytest.mark.parametrize("url", PAGES)
@given(
    name=st.from_regex(PLAIN, fullmatch=True) | st.sampled_from(["act", ".", "..", "celery@web-3.example.com", "a/b"])
)
def test_an_address_is_the_one_that_django_makes(url, name):
    assert url(name) == reverse(f"celery_ops:{PAGES[url]}", args=[name])


def test_it_follows_where_the_site_stands():
    before = task_url("one")
    set_script_prefix("/below/")
    try:
        assert task_url("one") == reverse("celery_ops:task-detail", args=["one"]) != before
    finally:
        set_script_prefix("/")


def test_a_site_that_has_no_such_page_has_no_address(settings):
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    assert (task_url("one"), task_url("celery@web-3")) == ("", "")
