"""Who may what, as the design's table says."""

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User

from celery_ops.permissions import ACTIONS, Policy, allows
from tests.conftest import make_user
from tests.shop.models import Document, Express, Order

pytestmark = pytest.mark.django_db

TASK = "tests.shop.tasks.noop"

#: What each actor may do, and nothing else. One that is named as a permission has just that one.
MAY = {
    "anonymous": set(),
    "nobody": set(),
    "staff": {"view_ops", "view_instance"},
    "celery_ops.view_ops": {"view_ops", "view_instance"},
    "celery_ops.view_payload": {"view_payload"},
    "shop.view_order": {"view_instance"},
    "shop.change_order": set(),
    "celery_ops.add_taskrunrecord": {"run_task"},
    "celery_ops.view_taskrunrecord": {"view_records"},
    "celery_ops.revoke_task": {"revoke_task"},
    "celery_ops.control_workers": {"control_workers"},
    "celery_ops.manage_queues": {"manage_queues"},
    "celery_ops.resolve_failures": {"resolve_failures"},
    "celery_ops.manage_schedules": {"manage_schedules"},
    "for this object only": {"view_instance"},
    "inactive superuser": set(),
    "permission just removed": set(),
    "superuser": set(ACTIONS),
}


def actor(name, obj, grant_objects):
    if name == "anonymous":
        return AnonymousUser()
    if "." in name:
        return make_user("someone", name)
    if "superuser" in name:
        return User.objects.create_superuser("someone", is_active="inactive" not in name)
    if name == "permission just removed":
        user = make_user("someone", "celery_ops.view_ops")
        assert allows(user, "view_ops")
        user.user_permissions.remove(Permission.objects.get(codename="view_ops"))
        return User.objects.get(pk=user.pk)  # as the next request loads it
    user = make_user("someone", is_staff=name == "staff")
    if name == "for this object only":
        grant_objects(user, "shop.view_order", obj)
    return user


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", MAY)
def test_each_actor_may_do_what_the_table_says(name, action, order, grant_objects):
    user = actor(name, order, grant_objects)
    about = {"view_instance": order, "run_task": TASK}.get(action)
    assert allows(user, action, about) is (action in MAY[name])


def test_a_permission_for_one_object_says_nothing_of_another(order, grant_objects):
    user = actor("for this object only", order, grant_objects)
    assert not allows(user, "view_instance", Order.objects.create())


def test_the_view_permission_is_the_models_own(order):
    assert not allows(make_user("clerk", "shop.view_document"), "view_instance", order)


def test_a_proxy_models_own_permission_counts(order):
    user = make_user("courier", "shop.view_express")
    assert allows(user, "view_instance", Express.objects.get(pk=order.pk))


def test_nothing_may_be_seen_of_no_instance(superuser):
    assert not allows(superuser, "view_instance", None)


def test_an_unknown_action_is_nobodys(superuser):
    assert not allows(superuser, "drop_tables")


def test_no_user_at_all_may_nothing():
    assert not any(allows(None, action) for action in ACTIONS)


@pytest.mark.parametrize(("permissions", "expected"), [((), False), (("shop.change_order",), True)])
def test_a_runnable_task_may_ask_for_a_permission_of_its_own(settings, permissions, expected):
    settings.CELERY_OPS = {"RUNNABLE_TASKS": {TASK: {"permission": "shop.change_order"}}}
    user = make_user("runner", "celery_ops.add_taskrunrecord", *permissions)
    assert allows(user, "run_task", TASK) is expected


def test_a_tasks_own_permission_alone_runs_nothing(settings):
    settings.CELERY_OPS = {"RUNNABLE_TASKS": {TASK: {"permission": "shop.change_order"}}}
    assert not allows(make_user("clerk", "shop.change_order"), "run_task", TASK)


def test_a_tasks_own_permission_is_not_another_tasks(settings):
    settings.CELERY_OPS = {"RUNNABLE_TASKS": {TASK: {"permission": "shop.change_order"}}}
    assert allows(make_user("runner", "celery_ops.add_taskrunrecord"), "run_task", "tests.shop.tasks.fails")


class NightShift(Policy):
    def may_view_instance(self, user, instance):
        return isinstance(instance, Document) and user.get_username() == "night"


def test_a_sites_own_policy_is_asked(settings):
    settings.CELERY_OPS = {"POLICY": f"{__name__}.NightShift"}
    assert allows(make_user("night"), "view_instance", Document(pk=1))


def test_a_sites_own_policy_may_refuse_a_superuser(settings, superuser):
    settings.CELERY_OPS = {"POLICY": f"{__name__}.NightShift"}
    assert not allows(superuser, "view_instance", Document(pk=1))


def test_a_sites_own_policy_is_still_not_asked_for_the_inactive(settings):
    settings.CELERY_OPS = {"POLICY": f"{__name__}.NightShift"}
    assert not allows(make_user("night", is_active=False), "view_instance", Document(pk=1))
