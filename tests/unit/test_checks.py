"""A wrong setting is told by key and with its remedy, and nothing that a setting holds makes the checks fail."""

from datetime import timedelta

import pytest
from celery import Celery, _state
from django.conf.urls.i18n import i18n_patterns
from django.core.checks import Warning
from django.forms import CharField, FileField, Form
from django.urls import include, path, re_path
from hypothesis import given
from hypothesis import strategies as st

from celery_ops import checks
from celery_ops.backends.memory import MemoryTaskBackend
from celery_ops.checks.site import DJANGO_TEMPLATES
from celery_ops.checks.values import VALUES
from celery_ops.conf import DEFAULTS

STORE = {"STORE": "celery_ops.tracking.memory.MemoryStore"}
NOT_A_CLASS = "celery_ops.conf.NAME"


def redact(name, value):
    return value


class NoPolicy:
    pass


class Hostile:
    def __repr__(self):
        raise RuntimeError

    __str__ = __bool__ = __len__ = __iter__ = __eq__ = __hash__ = __repr__


@pytest.fixture(autouse=True)
def no_bindings(monkeypatch):
    """The registry's own problems are the registry's tests' subject."""
    problems = []
    monkeypatch.setattr("celery_ops.tracking.registry.Registry.problems", lambda self: problems)
    return problems


@pytest.fixture
def found(settings):
    def found(value, prefix="celery_ops.E"):
        settings.CELERY_OPS = value
        return [message for message in checks.check_settings() if message.id.startswith(prefix)]

    return found


@pytest.fixture
def ids(found):
    return lambda value: [message.id for message in found(value)]


def test_the_defaults_have_nothing_wrong(ids):
    assert ids(STORE) == []


def test_a_site_without_the_setting_has_nothing_wrong(settings):
    del settings.CELERY_OPS
    assert [m for m in checks.check_settings() if m.is_serious()] == []


@pytest.mark.parametrize("value", [None, [], "redis://", 3, Hostile()], ids=lambda v: type(v).__name__)
def test_a_setting_that_is_no_dict_is_e001(ids, value):
    assert ids(value) == ["celery_ops.E001"]


@pytest.mark.parametrize("key", ["RETENTOIN", "retention", "", 3, None])
def test_an_unknown_key_is_e002(ids, key):
    assert ids({**STORE, key: 1}) == ["celery_ops.E002"]


@pytest.mark.parametrize(("key", "meant"), [("RETENTOIN", "RETENTION"), ("page_size", "PAGE_SIZE")])
def test_a_misspelt_key_is_told_which_was_meant(found, key, meant):
    assert found({**STORE, key: 1})[0].hint == f"Did you mean '{meant}'?"


WRONG = [
    ("APP", 3),
    ("APP", ""),
    ("TASK_BACKEND", None),
    ("WORKER_BACKEND", 3),
    ("QUEUE_BACKEND", []),
    ("STORE", None),
    ("STORE_URL", 6379),
    ("STORE_TIMEOUT", 0),
    ("STORE_TIMEOUT", "0.1"),
    ("STORE_TIMEOUT", float("nan")),
    ("STORE_TIMEOUT", True),
    ("STORE_PREFIX", ""),
    ("RETENTION", 0),
    ("RETENTION", None),
    ("RETENTION", timedelta(0)),
    ("TRACKED_TASKS", ["shop.tasks.charge"]),
    ("RUNNABLE_TASKS", "shop.tasks.charge"),
    ("RUNNABLE_TASKS", None),
    ("RECORD_RETENTION", 5),
    ("RECORD_RETENTION", timedelta(-1)),
    ("POLICY", None),
    ("REDACT_KEYS", "password"),
    ("REDACT_KEYS", [b"password"]),
    ("REDACT_KEYS", [""]),
    ("REDACTOR", 3),
    ("ARGS_CAPTURE", "all"),
    ("ARGS_CAPTURE", None),
    ("RESULT_CAPTURE", []),
    ("PAGE_SIZE", 0),
    ("PAGE_SIZE", 2.5),
    ("PAGE_SIZE", True),
    ("MAX_PAGE_SIZE", "200"),
    ("REFRESH_SECONDS", 0.5),
    ("CONTROL_TIMEOUT", -1),
    ("CONTROL_TIMEOUT", float("inf")),
    ("CONTROL_TIMEOUT", 1e300),
    pytest.param("STORE_TIMEOUT", 10**400, id="STORE_TIMEOUT of 401 digits"),
    ("RETENTION", 1e300),
    ("RETENTION", timedelta.max),
    pytest.param("METRICS_RETENTION", 10**5000, id="METRICS_RETENTION of 5001 digits"),
    ("RECORD_RETENTION", timedelta.max),
    ("ALERT_COOL_DOWN", -1),
    ("ALERT_COOL_DOWN", timedelta(seconds=-1)),
    ("ALERT_COOL_DOWN", False),
    ("ALERT_COOL_DOWN", None),
    ("REFRESH_SECONDS", float("nan")),
    ("PAGE_SIZE", 10**30),
    ("BASE_TEMPLATE", None),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_value_of_the_wrong_type_or_range_is_e003(ids, key, value):
    assert ids({**STORE, key: value}) == ["celery_ops.E003"]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_wrong_value_is_told_with_its_key_and_a_remedy(found, key, value):
    (message,) = found({**STORE, key: value})
    assert repr(key) in message.msg
    assert message.hint.startswith("Use ")


@pytest.mark.parametrize("key", DEFAULTS)
def test_every_key_has_a_check(key):
    assert key in VALUES


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("RETENTION", 0.5),
        ("RETENTION", timedelta(days=1)),
        ("METRICS_RETENTION", timedelta(days=36_525)),
        ("TRACE_URL", "/jaeger/trace/{trace_id}"),
        ("ALERT_COOL_DOWN", 0),
        ("ALERT_COOL_DOWN", timedelta(0)),
        ("RECORD_RETENTION", None),
        ("RUNNABLE_TASKS", "*"),
        ("RUNNABLE_TASKS", {"shop.tasks.a"}),
        ("RUNNABLE_TASKS", {"shop.tasks.a": {"permission": "shop.x", "max_per_minute": 3}, "shop.tasks.b": None}),
        ("TRACKED_TASKS", {"a.b": {"model": "auth.User", "id_query": "user_id"}}),
        ("TRACKED_TASKS", {"a.b": [{"model": "auth.User"}, {"model": "auth.Group", "sensitive": ("x",)}]}),
        ("REDACT_KEYS", {"iban"}),
        ("REDACTOR", f"{__name__}.redact"),
        ("REDACTOR", redact),
        ("ARGS_CAPTURE", "none"),
        ("REFRESH_SECONDS", 1),
    ],
)
def test_a_good_value_has_nothing_wrong(ids, key, value):
    assert ids({**STORE, key: value}) == []


@pytest.mark.parametrize(
    "key", ["APP", "TASK_BACKEND", "WORKER_BACKEND", "QUEUE_BACKEND", "STORE", "POLICY", "REDACTOR"]
)
@pytest.mark.parametrize("path", ["nowhere.at.all", "celery_ops.conf.Nothing", "no_dots"])
def test_a_path_that_does_not_import_is_e004(ids, key, path):
    assert ids({**STORE, key: path}) == ["celery_ops.E004"]


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("APP", NOT_A_CLASS),
        ("TASK_BACKEND", NOT_A_CLASS),
        ("STORE", "celery_ops.permissions.Policy"),
        ("STORE", NOT_A_CLASS),
        ("POLICY", f"{__name__}.NoPolicy"),
        ("POLICY", "celery_ops.permissions.allows"),
        ("REDACTOR", NOT_A_CLASS),
    ],
)
def test_a_path_that_names_the_wrong_thing_is_e005(ids, key, path):
    assert ids({**STORE, key: path}) == ["celery_ops.E005"]


class Complaining(MemoryTaskBackend):
    def check(self):
        return [Warning("Something is missing.", id="shop.W001")]


class Broken(MemoryTaskBackend):
    def check(self):
        raise RuntimeError


def test_a_backend_tells_what_it_needs(found):
    assert [message.msg for message in found({"TASK_BACKEND": f"{__name__}.Complaining"}, "shop.")] == [
        "Something is missing."
    ]


def test_a_backend_whose_check_fails_is_no_error_of_the_settings(ids):
    assert ids({**STORE, "TASK_BACKEND": f"{__name__}.Broken"}) == []


def test_a_backend_of_another_kind_is_e005(ids):
    assert ids({**STORE, "WORKER_BACKEND": f"{__name__}.Broken"}) == ["celery_ops.E005"]


elsewhere = Celery("elsewhere", backend="redis://", set_as_current=False)


def test_results_that_go_elsewhere_are_said(found):
    value = {**STORE, "APP": f"{__name__}.elsewhere"}
    assert [message.id for message in found(value, "celery_ops.I")] == ["celery_ops.I001"]


@pytest.mark.parametrize("value", [[3], [""], {"a.b": {"permision": "x"}}, {"a.b": "*"}, {"a.b": {3: 4}}], ids=repr)
def test_a_runnable_entry_that_means_nothing_is_e006(ids, value):
    assert ids({**STORE, "RUNNABLE_TASKS": value}) == ["celery_ops.E006"]


@pytest.mark.parametrize(
    "options",
    [
        {"permission": "change_order"},
        {"permission": ["shop.change_order"]},
        {"label": 3},
        {"confirm": "yes"},
        {"queues": "default"},
        {"queues": []},
        {"queues": [""]},
        {"max_per_minute": 0},
        {"max_per_minute": True},
        {"form": 3},
    ],
    ids=repr,
)
def test_an_option_of_the_wrong_type_is_e006(options, ids):
    assert ids({**STORE, "RUNNABLE_TASKS": {"a.b": options}}) == ["celery_ops.E006"]


def test_a_form_that_cannot_be_imported_is_e004(ids):
    assert ids({**STORE, "RUNNABLE_TASKS": {"a.b": {"form": "shop.nowhere.Form"}}}) == ["celery_ops.E004"]


@pytest.mark.parametrize("form", [NOT_A_CLASS, "celery_ops.permissions.Policy"])
def test_a_path_that_names_no_form_is_e005(form, ids):
    assert ids({**STORE, "RUNNABLE_TASKS": {"a.b": {"form": form}}}) == ["celery_ops.E005"]


def test_a_form_with_a_field_for_a_file_is_e005(ids):
    form = type("ScanForm", (Form,), {"note": CharField(), "scan": FileField()})
    assert ids({**STORE, "RUNNABLE_TASKS": {"a.b": {"form": form}}}) == ["celery_ops.E005"]


def test_a_runnable_name_that_is_not_known_here_is_noted_with_the_one_that_was_meant(found):
    (note,) = found({**STORE, "RUNNABLE_TASKS": ["tests.shop.tasks.process_paymnt"]}, "celery_ops.I003")
    assert note.hint == "Did you mean 'tests.shop.tasks.process_payment'?"


def test_a_runnable_task_that_is_known_here_is_not_noted(found):
    assert found({**STORE, "RUNNABLE_TASKS": ["tests.shop.tasks.process_payment"]}, "celery_ops.I003") == []


def test_a_misspelt_option_is_told_which_was_meant(found):
    (message,) = found({**STORE, "RUNNABLE_TASKS": {"a.b": {"permision": "x"}}})
    assert message.hint == "Did you mean 'permission'?"


@pytest.mark.parametrize("value", [["celery.map"], {"celery.starmap": {}}], ids=repr)
def test_a_task_of_celerys_own_is_e007(ids, value):
    assert ids({**STORE, "RUNNABLE_TASKS": value}) == ["celery_ops.E007"]


@pytest.mark.parametrize(
    "value",
    [
        {"a.b": "auth.User"},
        {"a.b": {}},
        {"a.b": {"model": "auth.User", "idquery": "x"}},
        {"a.b": {"model": "auth.User", "id_query": 5}},
        {3: {"model": "auth.User"}},
    ],
    ids=repr,
)
def test_a_tracked_entry_that_is_no_binding_is_e008(ids, value):
    assert ids({**STORE, "TRACKED_TASKS": value}) == ["celery_ops.E008"]


@pytest.mark.parametrize("model", ["auth.Nobody", "nowhere.User", "User", "", None, 3])
def test_a_model_that_does_not_exist_is_e009(ids, model):
    assert ids({**STORE, "TRACKED_TASKS": {"a.b": {"model": model}}}) == ["celery_ops.E009"]


@pytest.mark.parametrize("sizes", [{"PAGE_SIZE": 300}, {"MAX_PAGE_SIZE": 10}, {"PAGE_SIZE": 9, "MAX_PAGE_SIZE": 8}])
def test_a_page_larger_than_the_largest_is_e010(ids, sizes):
    assert ids({**STORE, **sizes}) == ["celery_ops.E010"]


def test_a_base_template_that_does_not_exist_is_e011(ids):
    assert ids({**STORE, "BASE_TEMPLATE": "nowhere.html"}) == ["celery_ops.E011"]


@pytest.mark.parametrize("engine", [{"BACKEND": "django.template.backends.dummy.TemplateStrings"}, {"APP_DIRS": False}])
def test_a_site_that_finds_no_template_of_ours_is_told_which_engine_it_takes(engine, found, settings):
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "OPTIONS": {}, **engine}]
    (message,) = found(STORE)
    assert message.id == "celery_ops.E011"
    assert DJANGO_TEMPLATES in message.hint


def test_a_problem_of_the_registry_is_e012(ids, no_bindings):
    no_bindings.append("shop.tasks.charge is tracked for 'shop.Nothing', which is not a model of this site")
    assert ids(STORE) == ["celery_ops.E012"]


def test_a_model_missing_from_the_setting_is_told_once(ids, no_bindings):
    no_bindings.append("a.b is tracked for 'shop.Nothing', which is not a model of this site")
    assert ids({**STORE, "TRACKED_TASKS": {"a.b": {"model": "shop.Nothing"}}}) == ["celery_ops.E009"]


def test_an_id_query_that_names_what_is_not_there_is_w009_and_names_the_setting(found):
    tracked = {"tests.shop.tasks.untracked": {"model": "shop.Order", "id_query": "no_such_argument"}}
    (message,) = found({**STORE, "TRACKED_TASKS": tracked}, "celery_ops.W")
    assert (message.id, "no_such_argument" in message.msg) == ("celery_ops.W009", True)
    assert "CELERY_OPS['TRACKED_TASKS']" in message.hint


def test_urls_that_are_not_included_are_w001(found, settings):
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    assert [m.id for m in found(STORE, "celery_ops.W")] == ["celery_ops.W001"]


OPS = [path("ops/", include("celery_ops.urls"))]


@pytest.mark.parametrize(
    ("patterns", "says"),
    [
        ([path("staff/", include((OPS, "staff")))], "outside of the namespace 'staff'"),
        ([path("a/", include(([path("b/", include((OPS, "b"), "c"))], "a")))], "outside of the namespace 'a:c'"),
        ([path("<slug:tenant>/", include(OPS))], "with '<slug:tenant>/ops/' before"),
        ([re_path(r"^(?P<tenant>\w+)/ops/", include("celery_ops.urls"))], r"with '^(?P<tenant>\\w+)/ops/' before"),
    ],
    ids=["namespace", "namespaces", "parameter", "group"],
)
def test_urls_that_are_included_where_they_are_not_found_are_w001_and_it_says_why(patterns, says, found, settings):
    settings.ROOT_URLCONF = tuple(patterns)
    (message,) = found(STORE, "celery_ops.W")
    assert (message.id, says in message.hint) == ("celery_ops.W001", True), message.hint


@pytest.mark.parametrize("prefix", ["", "a/b/"])
def test_urls_are_found_under_any_prefix_and_by_any_instance_of_their_namespace(prefix, found, settings):
    settings.ROOT_URLCONF = tuple(i18n_patterns(path(prefix, include("celery_ops.urls", namespace="other"))))
    assert found(STORE, "celery_ops.W") == []


def test_templates_without_the_request_are_w002(found, settings):
    engine = {"BACKEND": DJANGO_TEMPLATES, "APP_DIRS": True, "OPTIONS": {"context_processors": []}}
    settings.TEMPLATES = [engine]
    assert "celery_ops.W002" in [m.id for m in found(STORE, "celery_ops.W")]


def test_other_template_engines_need_no_request(found, settings):
    settings.TEMPLATES = [*settings.TEMPLATES, {"BACKEND": "django.template.backends.jinja2.Jinja2"}]
    assert "celery_ops.W002" not in [m.id for m in found(STORE, "celery_ops.W")]


@pytest.mark.parametrize("url", ["/accounts/login/", "login-of-nobody", "/orders/"])
def test_a_login_that_is_no_page_of_the_site_is_i005(url, found, settings):
    settings.LOGIN_URL = url
    told = [m.msg for m in found(STORE, "celery_ops.I005")]
    assert [url in message for message in told] == ([] if url == "/orders/" else [True])


@pytest.mark.parametrize("url", ["/login/", "login", "https://sso.example.com/", "//sso.example.com/", "/login/?a=1"])
def test_a_login_of_this_site_or_of_another_is_none_of_our_business(url, found, settings):
    settings.LOGIN_URL = url
    assert found(STORE, "celery_ops.I005") == []


@pytest.mark.parametrize(
    ("engine", "prefix", "ids"),
    [
        ("django_tenants.postgresql_backend", "celery_ops", ["celery_ops.W006"]),
        ("django_tenants.postgresql_backend", lambda: "acme", []),
        ("django.db.backends.postgresql", "celery_ops", []),
    ],
)
def test_tenants_that_share_a_prefix_are_w006(engine, prefix, ids, found, settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES, "default", {**settings.DATABASES["default"], "ENGINE": engine})
    assert [m.id for m in found({**STORE, "STORE_PREFIX": prefix}, "celery_ops.")[:1]] == ids


class Apart:
    """Has the journal in a database of its own."""

    def db_for_write(self, model, **hints):
        return "ops" if model._meta.app_label == "celery_ops" else "default"


@pytest.mark.parametrize(("routers", "ids"), [([], []), ([Apart()], ["celery_ops.W008"])], ids=["together", "apart"])
def test_a_journal_in_another_database_than_the_users_is_w008(routers, ids, found, settings):
    """Its rows refer to users, and no run could be written down."""
    settings.DATABASE_ROUTERS = routers
    assert [message.id for message in found(STORE, "celery_ops.W008")] == ids


@pytest.mark.parametrize(("broker", "ids"), [(None, ["celery_ops.I006"]), ("redis://localhost", [])])
def test_a_site_that_loads_no_celery_app_of_its_own_is_i006(broker, ids, found, monkeypatch):
    """What Celery makes then may be configured by the environment."""
    default = Celery("default", set_as_current=False)
    default.conf.broker_url = broker
    monkeypatch.setattr(_state, "default_app", default)
    monkeypatch.setattr(_state._tls, "current_app", None)
    assert [message.id for message in found(STORE, "celery_ops.I006")] == ids


@pytest.mark.parametrize("key", DEFAULTS)
def test_a_hostile_value_is_an_error_and_not_an_exception(ids, key):
    assert ids({**STORE, key: Hostile()}) != []


@pytest.mark.parametrize("key", ["RUNNABLE_TASKS", "TRACKED_TASKS", "REDACT_KEYS"])
def test_a_hostile_entry_is_an_error_and_not_an_exception(ids, key):
    value = {"a.b": Hostile()} if key != "REDACT_KEYS" else [Hostile()]
    assert ids({**STORE, key: value}) != []


def test_no_message_repeats_a_password(found):
    messages = found({**STORE, "STORE_URL": ["redis://:hunter2@redis/0"], "STORE_TIMEOUT": "hunter2"})
    assert "hunter2" not in str(messages)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@given(key=st.sampled_from(sorted(DEFAULTS)), value=JUNK)
def test_the_checks_never_raise_and_use_only_listed_ids(key, value):
    from django.test import override_settings

    with override_settings(CELERY_OPS={key: value}):
        assert {message.id for message in checks.check_settings()} <= set(checks.IDS)


def test_the_checks_ask_the_database_nothing(found):
    assert found(STORE) == []  # pytest-django lets no query through without its mark


def test_a_url_that_redis_does_not_know_is_e013(found):
    (error,) = found({"STORE_URL": "http://user:hunter2@example.com/"})
    assert error.id == "celery_ops.E013"
    assert "hunter2" not in f"{error.msg}{error.hint}"


def test_a_module_that_cannot_be_imported_is_only_a_warning(found, monkeypatch):
    monkeypatch.setattr("celery_ops.tracking.registry.Registry.unimported", lambda self: ["x.tasks could not be"])
    (warning,) = found(STORE, "celery_ops.W")
    assert warning.id == "celery_ops.W003"
    assert not warning.is_serious()
