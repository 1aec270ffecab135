"""Which tasks belong to which model, and what is said of a binding that is wrong."""

import functools
import subprocess
import sys
import threading

import pytest
from celery import Celery, shared_task
from celery.signals import import_modules
from django.core import checks

from celery_ops import FromModel, track
from celery_ops.exceptions import MissingRelatedObject
from celery_ops.tracking import registry as registry_module
from celery_ops.tracking.registry import Registry, humanised, registry
from celery_ops.tracking.task_bindings import make_binding
from tests.celery import app
from tests.shop import tasks
from tests.shop.models import Customer, Express, Order, Warehouse


@pytest.fixture
def own(monkeypatch):
    """A registry of the test's own, where ``track`` puts what the test decorates."""
    fresh = Registry()
    monkeypatch.setattr(registry_module, "registry", fresh)
    before = set(app.tasks)
    yield fresh
    for name in set(app.tasks) - before:
        del app.tasks[name]


def bound(registry, name):
    return [(binding.model, binding.id_query) for binding in registry.bindings(name)]


def anything(pk): ...


def whatever(**kwargs): ...


# -- where the decorator stands ---------------------------------------------------------------------------------------


def test_track_above_shared_task_binds_it(own):
    @track(Order)
    @shared_task(name="here.shared")
    def task(order_id): ...

    assert bound(own, "here.shared") == [(Order, None)]


def test_track_above_app_task_binds_it(own):
    @track(Order, id_query="number")
    @app.task(name="here.of_app", shared=False)
    def task(number): ...

    assert bound(own, "here.of_app") == [(Order, "number")]


def test_track_binds_a_task_that_was_registered_as_an_instance(own):
    class Task(app.Task):
        name = "here.instance"

    track(Order)(app.register_task(Task()))
    assert bound(own, "here.instance") == [(Order, None)]


def test_track_gives_back_the_task_itself(own):
    task = app.task(anything, name="here.same", shared=False)
    assert track(Order)(task) is task


@pytest.mark.parametrize("decorator", [shared_task, app.task], ids=["shared_task", "app.task"])
def test_track_below_the_task_decorator_names_the_remedy(decorator):
    with pytest.raises(TypeError, match=r"above @shared_task or @app\.task of 'charge'"):

        @decorator
        @track(Order)
        def charge(order_id): ...


def test_track_does_not_tie_a_shared_task_to_an_app_when_it_decorates():
    code = (
        "from celery import shared_task, _state\n"
        "import django; from django.conf import settings; settings.configure(); django.setup()\n"
        "from celery_ops import track\n"
        "task = track('auth.User')(shared_task(print, name='early'))\n"
        "assert _state._tls.current_app is None and _state.default_app is None\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# -- what it takes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [None, 5, Order(), "Order", "a.b.c", "", object, [Order]])
def test_what_is_no_model_is_refused_when_decorating(model):
    with pytest.raises(TypeError, match=r"a model or a label such as 'shop\.Order'"):
        track(model)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"id_qery": "x"}, "no option 'id_qery'"),
        ({"sensitive": "card"}, r"write \('card',\)"),
        ({"sensitive": 5}, "not iterable"),
        ({"id_query": 5}, "id_query must be"),
        ({"id_query": ""}, "id_query must be"),
        ({"id_query": ()}, "id_query must be"),
        ({"id_query": {}}, "id_query must be"),
        ({"id_query": ("a", 5)}, "id_query must be"),
        ({"id_query": {"pk": 5}}, "id_query must be"),
        ({"launch_args": FromModel("pk")}, "with the comma"),
        ({"launch_args": "pk"}, "with the comma"),
        ({"launch_args": 5}, "launch_args must be a tuple"),
        ({"launch_kwargs": ("a", "b")}, "launch_kwargs must be a dict"),
    ],
)
def test_a_wrong_option_is_refused_when_decorating(options, says):
    with pytest.raises(TypeError, match=says):
        track(Order, **options)


def test_a_lazy_label_is_the_model_whatever_its_case():
    assert make_binding("shop.oRdEr", {}).model_class is Order


def test_a_proxy_model_shares_its_concrete_models_tasks():
    assert registry.for_model(Express) == registry.for_model(Order)


@pytest.mark.parametrize("model", [Express, "shop.Express"], ids=["class", "label"])
def test_a_task_tracked_for_a_proxy_is_one_of_the_concrete_models(own, model):
    track(model)(app.task(anything, name="here.express", shared=False))
    assert [name for name, _ in own.for_model(Order)] == ["here.express"]


@pytest.mark.parametrize("label", ["shop.Nothing", "nothing.Order"])
def test_a_label_that_names_no_model_is_a_problem_that_is_told(own, label):
    track(label)(app.task(anything, name="here.lost", shared=False))
    assert own.problems() == [f"here.lost is tracked for {label!r}, which is not a model of this site"]


def test_a_label_that_names_no_model_does_not_hide_the_other_tasks(own):
    track("shop.Nothing")(app.task(anything, name="here.lost", shared=False))
    track(Order)(app.task(anything, name="here.found", shared=False))
    assert [name for name, _ in own.for_model(Order)] == ["here.found"]


@pytest.mark.parametrize(
    "id_query",
    [{"customer__town": "pk"}, {"twon": "pk"}, {"reference__likes": "pk"}, {"twon": "pk", "reference": "pk"}],
)
def test_a_lookup_that_the_model_does_not_know_is_told(own, id_query):
    track(Order, id_query=id_query)(app.task(anything, name="here.lost", shared=False))
    lookup = next(iter(id_query))
    assert own.unknown_names() == [f"here.lost is tracked by {lookup!r}, by which shop.Order cannot be looked up"]


@pytest.mark.parametrize("id_query", ["kp", {"pk": "kp"}, {"customer__name": "kp"}, {"pk": "kp", "reference": "pk"}])
def test_an_argument_that_the_task_does_not_take_is_told(own, id_query):
    track(Order, id_query=id_query)(app.task(anything, name="here.lost", shared=False))
    assert own.unknown_names() == ["here.lost is tracked by its argument 'kp', which it does not take"]


@pytest.mark.parametrize(
    "id_query",
    ["pk", {"pk": "pk"}, {"customer__name__iexact": "pk"}, {"customer": "pk"}, {"pk__in": "pk"}, lambda *_: None],
)
def test_what_the_model_and_the_task_have_is_not_misnamed(own, id_query):
    track(Order, id_query=id_query)(app.task(anything, name="here.fine", shared=False))
    assert own.unknown_names() == []


def test_a_task_that_takes_any_argument_may_be_tracked_by_each(own):
    def takes(wrapped):
        @functools.wraps(wrapped)
        def taking(*args, order, **kwargs):
            return wrapped(*args, **kwargs)

        return taking

    track(Order, id_query="order")(app.task(whatever, name="here.any", shared=False))
    track(Order, id_query="order")(app.task(takes(anything), name="here.taken", shared=False))
    track(Order, id_query="other")(app.task(takes(anything), name="here.handed", shared=False))
    track(Order, id_query="order")(app.task(anything, bind=True, name="here.wrong", shared=False))
    assert own.unknown_names() == ["here.wrong is tracked by its argument 'order', which it does not take"]


def test_of_a_task_that_only_workers_know_no_argument_is_doubted(own, settings):
    tracked = {"elsewhere.task": {"model": "shop.Order", "id_query": "order"}}
    settings.CELERY_OPS = {**settings.CELERY_OPS, "TRACKED_TASKS": tracked}
    assert own.unknown_names() == []


def test_the_tests_own_bindings_have_no_problems():
    assert registry.problems() == registry.unknown_names() == []


def test_stacked_bindings_belong_to_each_model():
    names = [{name for name, _ in registry.for_model(model)} for model in (Order, Warehouse)]
    assert all(tasks.restock.name in found for found in names)


def test_a_hidden_task_is_tracked_and_says_so():
    assert [binding.hidden for binding in registry.bindings(tasks.internal_cleanup.name)] == [True]


def test_an_untracked_task_has_no_binding():
    assert registry.bindings(tasks.untracked.name) == ()


# -- labels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("inventory.tasks.generate_qr_code", "Generate qr code"),
        ("plain", "Plain"),
        ("shop.tasks.HTTP_check", "HTTP check"),
        ("shop.tasks._", "shop.tasks._"),
        ("", ""),
    ],
)
def test_a_task_without_a_label_is_called_by_its_name_in_words(name, words):
    assert humanised(name) == words


def test_a_label_is_what_people_read():
    assert registry.label(tasks.process_payment.name, "shop.order") == "Charge the card"


def test_a_label_given_for_one_model_is_the_tasks_name_for_every_other_object():
    assert registry.label(tasks.process_payment.name, "shop.warehouse") == "Charge the card"


@pytest.mark.parametrize("express", [Express, "shop.Express"], ids=["class", "label"])
def test_each_model_has_its_own_label_of_a_stacked_task(own, express):
    task = app.task(anything, name="here.both", shared=False)
    track(Warehouse, label="Empty it")(track(express, label="Send it")(task))
    assert [own.label("here.both", model) for model in ("shop.order", "shop.warehouse", "shop.page")] == [
        "Send it",
        "Empty it",
        "Send it",
    ]


# -- FromModel --------------------------------------------------------------------------------------------------------


@pytest.fixture
def ada():
    return Order(pk=3, account_id=7, customer=Customer(name="Ada", email=None))


@pytest.mark.parametrize(("path", "value"), [("account_id", 7), ("customer.name", "Ada"), ("customer.email", None)])
def test_from_model_follows_a_dotted_path(ada, path, value):
    assert FromModel(path).resolve(ada) == value


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("customer.email.domain", "order 3 has no customer.email"),
        ("customer.nothing", "order 3 has no customer.nothing"),
        ("nothing", "order 3 has no nothing"),
    ],
)
def test_from_model_says_which_part_is_missing(ada, path, says):
    with pytest.raises(MissingRelatedObject, match=f"^{says}$"):
        FromModel(path).resolve(ada)


def test_from_model_names_the_related_object_that_is_none():
    with pytest.raises(MissingRelatedObject, match=r"^order 4 has no customer$"):
        FromModel("customer.email").resolve(Order(pk=4))


def test_from_model_names_a_related_object_that_was_deleted(db):
    with pytest.raises(MissingRelatedObject, match=r"^order 4 has no customer\.email$"):
        FromModel("customer.email").resolve(Order(pk=4, customer_id=404))


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", "a b", "a[0]", "customer__email.", 5, None, ("a",)])
def test_from_model_refuses_what_is_no_dotted_path(path):
    with pytest.raises(TypeError, match=r"a dotted path such as 'customer\.email'"):
        FromModel(path)


# -- TRACKED_TASKS ----------------------------------------------------------------------------------------------------


def test_a_setting_tracks_a_task_without_touching_its_code(settings):
    settings.CELERY_OPS = {"TRACKED_TASKS": {tasks.untracked.name: {"model": "shop.Order", "id_query": "number"}}}
    assert bound(registry, tasks.untracked.name) == [("shop.Order", "number")]


def test_the_setting_is_read_live(settings):
    settings.CELERY_OPS = {"TRACKED_TASKS": {tasks.untracked.name: {"model": "shop.Order"}}}
    registry.bindings(tasks.untracked.name)
    settings.CELERY_OPS = {}
    assert registry.bindings(tasks.untracked.name) == ()


def test_a_setting_may_hold_several_bindings_of_one_task(settings):
    both = [{"model": "shop.Order"}, {"model": "shop.Warehouse"}]
    settings.CELERY_OPS = {"TRACKED_TASKS": {tasks.untracked.name: both}}
    assert bound(registry, tasks.untracked.name) == [("shop.Order", None), ("shop.Warehouse", None)]


def test_a_setting_adds_to_what_the_code_says(settings):
    settings.CELERY_OPS = {"TRACKED_TASKS": {tasks.noop.name: {"model": "shop.Warehouse"}}}
    assert bound(registry, tasks.noop.name) == [(Order, None), ("shop.Warehouse", None)]


@pytest.mark.parametrize(
    "broken",
    [
        {"bad": {}},
        {"bad": "shop.Order"},
        {"bad": None},
        {"bad": 5},
        {"bad": {"model": 5}},
        {"bad": {"model": "shop.Order", "nothing": 1}},
        {"bad": {"model": "shop.Order", "sensitive": "card"}},
        {"bad": {"model": "shop.Order", 5: 1}},
        {"bad": [{"model": "shop.Order", "id_query": 5}]},
        {5: {"model": "shop.Order"}},
    ],
    ids=repr,
)
def test_a_broken_entry_is_left_out_and_the_others_hold(settings, broken):
    settings.CELERY_OPS = {"TRACKED_TASKS": {**broken, tasks.untracked.name: {"model": "shop.Order"}}}
    assert tasks.untracked.name in {name for name, _ in registry.for_model(Order)}


@pytest.mark.parametrize("setting", [None, [], "x", 5])
def test_a_setting_that_is_no_dict_tracks_nothing(settings, setting):
    settings.CELERY_OPS = {"TRACKED_TASKS": setting}
    assert registry.bindings(tasks.noop.name)


# -- discovery --------------------------------------------------------------------------------------------------------

DISCOVERY = """
import os, sys
import django
from celery import Celery
from django.conf import settings
from django.db import models

others = ["django.contrib.contenttypes", "tests.shop"]
child = os.fork()  # a process for each order
settings.configure(INSTALLED_APPS=["celery_ops", *others] if child else [*others, "celery_ops"], CELERY_OPS={})
app = Celery(set_as_current=True)
django.setup()
assert "tests.shop.tasks" not in sys.modules
from celery_ops.tracking.registry import registry
from tests.shop.models import Order
assert "tests.shop.tasks.noop" in dict(registry.for_model(Order)), (settings.INSTALLED_APPS, registry.problems())
assert not child or os.waitpid(child, 0)[1] == 0
"""


def test_task_modules_are_found_whatever_the_order_of_installed_apps():
    subprocess.run([sys.executable, "-c", DISCOVERY], check=True, timeout=60)


def test_a_task_module_that_cannot_be_imported_is_a_problem_and_not_an_error(settings, monkeypatch, tmp_path):
    package = tmp_path / "broken_app"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "tasks.py").write_text("import nothing_of_that_name")
    monkeypatch.syspath_prepend(tmp_path)
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "broken_app"]
    assert "broken_app.tasks could not be imported" in [problem.split(":")[0] for problem in Registry().unimported()]


@pytest.fixture
def other_app(settings):
    """An app that the settings name, of which nothing has been imported yet."""
    other = Celery("other", set_as_current=False)
    settings.CELERY_OPS = {"APP": other}
    return other


def test_track_in_one_thread_never_waits_for_discovery_in_another(other_app):
    found = Registry()
    done = []

    def import_elsewhere(**_):
        thread = threading.Thread(target=found.add, args=(tasks.noop, make_binding(Order, {})), daemon=True)
        thread.start()
        thread.join(30)
        done.append(not thread.is_alive())

    import_modules.connect(import_elsewhere, sender=other_app)
    found.bindings(tasks.noop.name)
    assert done == [True]


@pytest.mark.parametrize("setting", ["imports", "include"])
def test_modules_that_the_apps_configuration_names_are_imported(other_app, monkeypatch, tmp_path, setting):
    (tmp_path / f"configured_{setting}.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    other_app.conf[setting] = [f"configured_{setting}"]
    Registry().bindings("")
    assert f"configured_{setting}" in sys.modules


def test_modules_of_another_name_are_discovered_as_the_app_asks(other_app, monkeypatch, tmp_path):
    (tmp_path / "jobs_only").mkdir()
    (tmp_path / "jobs_only" / "__init__.py").touch()
    (tmp_path / "jobs_only" / "jobs.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    other_app.autodiscover_tasks(["jobs_only"], related_name="jobs")
    Registry().bindings("")
    assert "jobs_only.jobs" in sys.modules


def test_discovery_runs_no_system_check_of_the_site():
    ran = []

    def check(app_configs, **_):
        ran.append(app_configs)
        return []

    checks.register(check)
    try:
        Registry().bindings("")
    finally:
        checks.registry.registry.registered_checks.discard(check)
    assert ran == []


# -- signatures -------------------------------------------------------------------------------------------------------


def test_a_bound_task_has_no_self_in_its_signature():
    assert registry.signature(tasks.retries.name).positional[0] == "order_id"


def test_the_signature_of_a_task_that_this_process_does_not_know_is_none():
    assert registry.signature("nobody.knows") is None


def test_a_new_process_imports_the_tasks_before_it_says_what_one_takes(monkeypatch):
    imported = []
    monkeypatch.setattr("celery_ops.tracking.registry.load_task_modules", lambda: imported.append(True) or [])
    Registry().signature("nobody.knows")
    assert imported == [True]


def test_the_app_of_the_settings_is_asked_for_signatures(other_app):
    @other_app.task(name="there.task")
    def task(first, *, second=2): ...

    signature = Registry().signature("there.task")
    assert (signature.positional, signature.required, signature.defaults) == (("first",), {"first"}, {"second": 2})


def test_what_is_sensitive_stays_hidden_though_somebody_asked_while_it_was_being_bound(own, monkeypatch):
    """A page may ask of a task in one thread while its module is imported in another."""

    @shared_task(name="here.bound_meanwhile")
    def task(order_id, card): ...

    is_asked = own.signature

    def bound_meanwhile(name):
        monkeypatch.setattr(own, "signature", is_asked)
        own.add(task, make_binding(Order, {"sensitive": ("card",)}))
        own.bindings("")
        return is_asked(name)

    own.bindings("")
    monkeypatch.setattr(own, "signature", bound_meanwhile)
    own.sensitive("here.bound_meanwhile")
    assert own.sensitive("here.bound_meanwhile") == {"card"}


def test_an_id_query_that_is_async_is_refused_as_it_would_name_a_coroutine():
    async def key(args, kwargs): ...

    with pytest.raises(TypeError, match="must not be async"):
        make_binding(Order, {"id_query": key})
