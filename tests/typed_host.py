"""What a site writes that has its types checked: never run, but read by ``mypy``, which holds it to ``strict``."""

from collections.abc import Callable

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from typing_extensions import assert_type

import celery_ops
from celery_ops import (
    FromModel,
    StartedBy,
    TrackedTask,
    set_progress,
    tasks_for,
    tasks_for_many,
    track,
    tracking,
)

Send = Callable[[int], str]


def decorates(send: Send) -> None:
    assert_type(track(User)(send), Send)
    assert_type(track("auth.User", id_query=("username", "email"), hidden=True, sensitive={"card"})(send), Send)
    track(User, label=_("Yes"), launch_args=(FromModel("username"),), launch_kwargs={"copy": True})(send)
    track(User, id_query=lambda args, kwargs: kwargs["payload"]["user"] if kwargs else args[0])(send)
    track(User, id_qery="pk")(send)  # type: ignore[call-arg]
    track(User, hidden="yes")(send)  # type: ignore[arg-type]
    track(5)(send)  # type: ignore[arg-type]


def reads(user: User) -> None:
    with tracking(user):
        set_progress(1, 2, "Half")
    assert_type(tasks_for(user), list[TrackedTask])
    assert_type(tasks_for_many([user], limit=1), dict[User, list[TrackedTask]])
    assert_type(tasks_for_many(User.objects.all())[user][0].started_by, StartedBy | None)
    print(celery_ops.nothing_of_that_name)  # type: ignore[attr-defined]
