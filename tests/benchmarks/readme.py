"""``python -m tests.benchmarks.readme [LANGUAGE]``: from a bare ``startproject`` to a live panel, by the README alone.

A new environment, a wheel of this tree, a project, and then what README.md says: its blocks are what runs. What it
takes for granted is as in Celery's own first steps: an app, a model, a page. Prints the seconds of each step.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.docs.blocks import ROOT, Block, blocks
from tests.servers import RedisServer, free_port

CELERY = """
import os
from celery import Celery
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")
app = Celery("site1")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
"""
MODELS = """
from django.db import models
class Order(models.Model):
    reference = models.CharField(max_length=50)
"""
VIEWS = """
from django.shortcuts import get_object_or_404, render
from .models import Order
def order(request, pk):
    return render(request, "shop/order.html", {"order": get_object_or_404(Order, pk=pk)})
"""
URLS = """
from shop import views
urlpatterns += [path("orders/<int:pk>/", views.order)]
"""
BASE = "<!doctype html><html><head><title>Shop</title></head><body>{% block content %}{% endblock %}</body></html>"
#: The task goes on for as long as it takes to look at it.
SLOW = "\n    import time\n    time.sleep(30)\n"
PLANTED = """
from django.contrib.auth.models import User
from shop.models import Order
from shop.tasks import process_payment
User.objects.create_superuser("root", "root@example.com", "secret")
process_payment.delay(Order.objects.create(reference="HT-1003").pk)
"""


class Newcomer:
    """Somebody with a terminal, an editor and README.md."""

    def __init__(self, folder: Path, language: str) -> None:
        self.folder, self.language = folder, language
        self.python = folder / "env" / "bin" / "python"
        self.site = folder / "site1"
        self.blocks = [block for block in blocks() if block.page == "README.md"]
        self.processes: list[subprocess.Popen] = []
        self.begin = self.last = time.perf_counter()

    def block(self, words: str) -> Block:
        return next(block for block in self.blocks if words in block.code)

    def tell(self, what: str) -> None:
        now = time.perf_counter()
        print(f"{now - self.last:6.1f} s  {what}", flush=True)
        self.last = now

    def run(self, *words: str, **options: object) -> None:
        ended = subprocess.run(words, cwd=self.site if self.site.exists() else self.folder, check=False, **options)
        if ended.returncode:
            raise SystemExit(f"{' '.join(words)} ended with {ended.returncode}")

    def start(self, *words: str) -> None:
        log = (self.folder / f"{len(self.processes)}.log").open("w")
        self.processes.append(subprocess.Popen(words, cwd=self.site, stdout=log, stderr=log))

    def end(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(30)

    def install(self, wheel: Path) -> None:
        self.run(sys.executable, "-m", "venv", str(self.folder / "env"))
        self.tell("a new environment")
        (line,) = [line for line in self.block("pip install").code.splitlines() if line]
        assert line.split()[:3] == ["pip", "install", "django-celery-ops"]
        self.run(str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel))
        self.tell(line.partition("#")[0].strip())

    def project(self, redis: str) -> None:
        """What the README says that there has to be: a site with a Celery app, and a Redis."""
        self.run(str(self.python), "-m", "django", "startproject", "site1")
        self.run(str(self.python), "manage.py", "startapp", "shop")
        (self.site / "site1" / "celery.py").write_text(CELERY)
        (self.site / "site1" / "__init__.py").write_text("from .celery import app as celery_app\n")
        (self.site / "shop" / "models.py").write_text(MODELS)
        (self.site / "shop" / "views.py").write_text(VIEWS)
        templates = self.site / "shop" / "templates" / "shop"
        templates.mkdir(parents=True)
        (templates.parent / "base.html").write_text(BASE)
        self.add("site1/settings.py", f'INSTALLED_APPS += ["shop"]\nCELERY_BROKER_URL = "{redis}/0"\n')
        self.add("site1/settings.py", f'LANGUAGE_CODE = "{self.language}"\n')
        self.tell("startproject, with a Celery app, a model and a page")

    def follow(self) -> None:
        """Do what the README says from there on, with its own words."""
        settings, _, urls = self.block("INSTALLED_APPS").code.partition("# urls.py\n")
        self.add("site1/settings.py", settings + self.block("CELERY_RESULT_BACKEND").code)
        self.add("site1/urls.py", urls + URLS)
        tasks = self.block("@track(Order)").code
        assert "    ...\n" in tasks
        (self.site / "shop" / "tasks.py").write_text(tasks.replace("    ...\n", SLOW))
        template = self.site / "shop" / "templates" / "shop" / "order.html"
        template.write_text(self.block("instance_tasks order").code)
        self.run(str(self.python), "manage.py", "makemigrations", "-v0", "shop")
        for line in self.block("manage.py migrate").code.splitlines():
            self.run(str(self.python), *line.split()[1:], stdout=subprocess.DEVNULL)
            self.tell(line)

    def add(self, file: str, text: str) -> None:
        with (self.site / file).open("a") as opened:
            opened.write(f"\n{text}")

    def serve(self, port: int) -> None:
        self.start(str(self.python), "-m", "celery", "-A", "site1", "worker", "-c", "2")
        self.start(str(self.python), "manage.py", "runserver", "--noreload", str(port))
        self.run(str(self.python), "manage.py", "shell", "-v0", "-c", PLANTED)
        self.tell("a worker, a server, an order and its task")

    def look(self, port: int) -> None:
        """Log in with a browser, and wait for the panel to say that the task runs, and that it is done."""
        from playwright.sync_api import sync_playwright

        site = f"http://127.0.0.1:{port}"
        with sync_playwright() as playwright:
            binary = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
            browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
            page = browser.new_page()
            page.goto(f"{site}/admin/login/?next=/orders/1/")
            page.fill("#id_username", "root")
            page.fill("#id_password", "secret")
            page.press("#id_password", "Enter")
            page.locator("celery-ops-panel tr[data-state=STARTED]").wait_for(timeout=60_000)
            page.get_by_text("Asking the bank").first.wait_for(timeout=60_000)
            self.tell("the panel shows the task as it runs")
            print(f"{time.perf_counter() - self.begin:6.1f} s  in all")
            page.screenshot(path=Path(tempfile.gettempdir()) / f"celery-ops-panel-{self.language}.png")
            page.locator("celery-ops-panel tr[data-state=SUCCESS]").wait_for(timeout=60_000)
            self.tell("and as it is done, without a reload")
            print(f"          {' '.join(page.locator('celery-ops-panel').inner_text().split())}")
            for path in ("", "tasks/", "workers/", "insight/", "run/"):
                page.goto(f"{site}/ops/{path}")
                print(f"          /ops/{path}: {page.title()} | {' '.join(page.locator('h1').all_inner_texts())}")
            page.goto(f"{site}/ops/tasks/")
            page.screenshot(path=Path(tempfile.gettempdir()) / f"celery-ops-tasks-{self.language}.png")
            browser.close()


@contextlib.contextmanager
def newcomer(language: str) -> Iterator[tuple[Newcomer, str]]:
    redis = RedisServer(free_port())
    with tempfile.TemporaryDirectory(prefix="celery-ops-readme-") as folder:
        (Path(folder) / "work").mkdir()
        somebody = Newcomer(Path(folder) / "work", language)
        try:
            yield somebody, redis.url
        finally:
            somebody.end()
            redis.kill()


def main() -> None:
    language = sys.argv[1] if len(sys.argv) > 1 else "en"
    with newcomer(language) as (somebody, redis):
        wheels = somebody.folder.parent / "wheels"
        builder = somebody.folder.parent / "builder"
        subprocess.run([sys.executable, "-m", "venv", str(builder)], check=True)
        pip = [
            str(builder / "bin" / "python"),
            "-m",
            "pip",
            "--disable-pip-version-check",
            "wheel",
            "--quiet",
            "--no-deps",
        ]
        subprocess.run([*pip, "--wheel-dir", str(wheels), str(ROOT)], check=True)
        (wheel,) = wheels.glob("*.whl")
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        somebody.begin = somebody.last = time.perf_counter()
        somebody.install(wheel)
        somebody.project(redis)
        somebody.follow()
        port = free_port()
        somebody.serve(port)
        somebody.look(port)
        print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
