"""What takes the pictures: Debian's or Playwright's own Chromium, a context for each login."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

WIDTH = 1200
#: Pixels above an element at which a picture begins.
MARGIN = 24
#: Milliseconds for anything that a scene waits for: a task may be queued behind others.
PATIENCE = 60_000
#: WebP's, of 100: text stays sharp, and a picture is some 40 kB.
QUALITY = 82
#: Leaves of the files in tracebacks what they are called in their packages: where these lie is but this machine's.
SHORTEN = """() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    text.data = text.data.replace(/"[^"\\n]*\\/(?:site-packages|sandbox)\\//g, '"');
  }
}"""


class Darkroom:
    """The browser, the site and the folder for the pictures."""

    def __init__(self, origin: str, folder: Path) -> None:
        self.origin, self.folder = origin, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._playwright = sync_playwright().start()
        self._contexts: dict[str, Any] = {}

    def __enter__(self) -> "Darkroom":
        binary = shutil.which("chromium") or shutil.which("chromium-browser")
        self._browser = self._playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._browser.close()
        self._playwright.stop()

    def page(self, user: str) -> Page:
        """Return a new page of somebody who has logged in; in the sandbox the password is the name."""
        context = self._contexts.get(user)
        if context is None:
            context = self._contexts[user] = self._browser.new_context(base_url=self.origin)
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            page.goto("/login/")
            page.fill("input[name=username]", user)
            page.fill("input[name=password]", user)
            page.keyboard.press("Enter")
            page.get_by_text("Log out").first.wait_for()
            page.close()
        return context.new_page()


class Camera:
    """One page before the camera; what it has not, it takes from Playwright's page."""

    def __init__(self, darkroom: Darkroom, user: str) -> None:
        self._darkroom = darkroom
        self.page = darkroom.page(user)
        self.page.set_viewport_size({"width": WIDTH, "height": 800})

    def shoot(self, name: str, height: int, top: str = "") -> Iterator[Path]:
        """Yield the files of both pictures, ``height`` pixels from the top of the page, or of the element ``top``."""
        above = self.page.locator(top).first.bounding_box()["y"] - MARGIN if top else 0
        clip = {"x": 0, "y": above, "width": WIDTH, "height": height}
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            self.page.evaluate(SHORTEN)
            shot = self.page.screenshot(clip=clip, full_page=True, animations="disabled")
            path = self._darkroom.folder / f"{name}-{scheme}.webp"
            Image.open(io.BytesIO(shot)).convert("RGB").save(path, quality=QUALITY, method=6)
            yield path
        self.page.close()
