"""Every fenced block of the README and the documentation runs, or is read by what reads such a file; none is left out.

Python runs in ``running.py``; a page's own words for a file or a command are held to the names that there are.
"""

import doctest
import json
import os
import re
import shlex
import subprocess
import sys
from configparser import ConfigParser
from itertools import pairwise
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest
import yaml
from django.contrib.auth.models import User
from django.core.management import load_command_class
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import Resolver404, resolve

from celery_ops import tasks_for
from celery_ops.tracking.context import answering
from celery_ops.tracking.started_by import Requester
from tests.conftest import broker
from tests.planting import plant_delivery
from tests.shop import tasks

from .blocks import ROOT, Block, blocks
from .running import UNRUN

#: What shows and has no form to be read by, as each begins, and what holds it to the code.
SHOWN = {
    "urls | receivers": "tests/docs/test_docs.py: the import contract",
    "ok       broker": "an answer of doctor, whose names tests/commands/test_doctor.py has",
    "HOSTNAME     STATE": "an answer of workers, whose heads are looked for below",
    "shop/tasks.py:31": "a stack of a site's own code",
    "locale/de/LC_MESSAGES/django.po": "a file of a site's own translations",
    "memory       = tasks a day": "a formula, which tests/benchmarks/scaling.py works out",
    "polls a second = panels": "a formula, which tests/benchmarks/scaling.py works out",
}
PREFIX = "/behind/a/prefix/"
#: Programs of others that a block may call.
PROGRAMS = {"mkdir", "set", "exec", "echo", "exit"}


def each(*languages: str):
    found = [block for language in languages for block in blocks(language)]
    return pytest.mark.parametrize("block", found, ids=str)


def test_every_block_is_in_a_language_that_something_here_reads():
    languages = {block.language for block in blocks()}
    assert languages <= {"python", "pycon", "html+django", "console", "shell", "text", "yaml", "json", "ini", "css"}


def test_every_python_block_runs_in_a_site(redis_server):
    command = [sys.executable, "-m", "tests.docs.running"]
    environment = {**os.environ, "TEST_BROKER_URL": f"{redis_server.url}/55"}  # no test's: what it sends waits there
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=True)
    assert [line for line in ran.stdout.splitlines() if re.match(r"\S+\.md:\d+: ", line)] == [], ran.stdout


def test_what_is_not_run_is_there():
    code = [block.code for block in (*blocks("python"), *blocks("text"))]
    assert [words for words in (*UNRUN, *SHOWN) if not any(text.startswith(words) for text in code)] == []


@each("text")
def test_a_text_that_nothing_reads_is_listed(block):
    assert block.code.startswith(tuple(SHOWN)) or "manage.py celery_ops" in block.code


@pytest.mark.django_db
@each("html+django")
def test_a_template_renders(block, memory_store, order, superuser):
    request = RequestFactory().get("/")
    request.user = superuser
    code = block.code.replace('"base.html"', '"shop/base.html"')
    load = "" if "{% load celery_ops %}" in code else "{% load celery_ops %}"
    context = {"request": request, "user": superuser, "order": order, "orders": [order]}
    html = Template(load + code).render(Context(context))
    assert "{%" not in html
    if "{% instance_tasks order" in code:
        assert "<celery-ops-panel" in html


def words_of(line: str) -> list[str]:
    return shlex.split(line, comments=True)


def commands_of(code: str):
    """Yield the words of each command; what begins with neither a prompt nor a program is an answer."""
    has_prompts = code.startswith("$ ")
    for line in code.replace("\\\n", " ").splitlines():
        if not has_prompts or line.startswith("$ "):
            for part in re.split(r"\|\||&&", line.removeprefix("$ ")):
                if words := words_of(part):
                    yield words


def held(words: list[str]) -> None:
    """Hold one command to what there is."""
    if words[0] == "python":
        words = words[1:] if words[1] != "-m" else words[2:]
    program, *rest = words
    if program == "manage.py":
        managed(rest)
    elif program == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.M)
    elif program == "pip":
        assert rest in (["install", "django-celery-ops"], ["freeze"])
    elif program == "celery_ops.alive":
        assert (ROOT / "celery_ops" / "alive.py").is_file()
        assert len(rest) == 1
    elif program == "curl":
        reached(re.search(r"https?://[^/]+/ops/(\S*)", " ".join(rest))[1])
    elif program.startswith("."):
        assert (ROOT / program).is_file()
    else:
        assert program in PROGRAMS, words


def managed(words: list[str]) -> None:
    """Have the command's own parser read a line of it."""
    app = "celery_ops" if words[0] == "celery_ops" else "django.core"
    if words[0] == "collectstatic":
        app = "django.contrib.staticfiles"
    parser = load_command_class(app, words[0]).create_parser("manage.py", words[0])
    parser.parse_args(words[1:])


def reached(path: str) -> None:
    try:
        resolve(f"{PREFIX}{path}")
    except Resolver404:
        pytest.fail(f"no page at {path}")


@each("console", "shell")
def test_a_command_is_one_that_there_is(block):
    for words in commands_of(block.code):
        held(words)


@pytest.mark.django_db
@each("console")
def test_a_request_from_a_shell_is_let_in(block, superuser):
    for words in commands_of(block.code):
        if words[0] == "curl":
            given = list(pairwise(words))
            posted = parse_qs("&".join(text for option, text in given if option == "-d"))
            headers = dict(text.split(": ") for option, text in given if option == "-H")
            client = Client(enforce_csrf_checks=True, headers={"Host": "example.com"})
            client.force_login(superuser)
            client.cookies["csrftoken"] = headers["X-CSRFToken"] = "t" * 32
            path = words[-1].partition("/ops/")[2]
            with broker("memory://"):
                answer = client.post(f"{PREFIX}{path}", posted, headers=headers, secure=words[-1].startswith("https:"))
            assert answer.status_code == 404, "there is no such worker here"


def texts_of(value):
    if isinstance(value, dict):
        for name, item in value.items():
            yield from texts_of(name)
            yield from texts_of(item)
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield shlex.join(value)
        for item in value:
            yield from texts_of(item)
    else:
        yield str(value)


@each("yaml")
def test_a_file_of_yaml_names_what_there_is(block):
    for text in texts_of(yaml.safe_load(block.code)):
        if text.startswith("python "):
            held(words_of(text))
        elif text.startswith("/ops/"):
            reached(text.removeprefix("/ops/"))


@each("ini")
def test_a_file_of_sections_names_what_there_is(block):
    code = block.code if "[" in block.code else f"[uwsgi]\n{block.code}"
    config = ConfigParser(strict=False, interpolation=None)
    config.read_string(code)
    for section in config.values():
        if "manage.py" in (line := section.get("ExecStart", "")):
            held(["manage.py", *words_of(line)[2:]])


@each("text")
def test_a_crontab_names_what_there_is(block):
    for line in re.findall(r"python (manage\.py .*)", block.code):
        held(words_of(line))


@each("json")
def test_an_answer_is_json(block):
    assert json.loads(block.code)


@each("css")
def test_a_style_sheet_names_classes_and_properties_that_there_are(block):
    ours = "".join(sheet.read_text() for sheet in (ROOT / "celery_ops" / "static" / "celery_ops").glob("*.css"))
    ours += "".join(page.read_text() for page in (ROOT / "celery_ops" / "templates").rglob("*.html"))
    assert [name for name in re.findall(r"[.-]?-?(celery-ops[\w-]*)", block.code) if name not in ours] == []


def scene(block: Block, order) -> None:
    """What the page of a console session tells before it."""
    if "started_by" in block.code:
        request = RequestFactory().get("/")
        request.user = User(pk=7, username="ada")
        request.resolver_match = SimpleNamespace(namespaces=[], url_name="order-detail")
        with broker("memory://"), answering(Requester(request)):
            tasks.process_payment.delay(order.pk)
    else:
        for delivery, begun in (("aa", 1), ("bb", 5)):
            plant_delivery(order, "delivered", delivery, begun=begun)


@pytest.mark.django_db
@each("pycon")
def test_a_console_session_answers_what_it_shows(block, memory_store, order):
    scene(block, order)
    test = doctest.DocTestParser().get_doctest(
        block.code, {"tasks_for": tasks_for, "order": order}, str(block), None, block.line
    )
    assert doctest.DocTestRunner().run(test).failed == 0
