"""A browser that is shown what a test client was answered, without a server between."""

import mimetypes

from django.conf import settings
from django.contrib.staticfiles import finders

ORIGIN = "http://testserver"


class Screen:
    """``troubles`` has what the browser complained of, of what was refused under the site's policy too."""

    def __init__(self, context):
        self.page, self.answers, self.troubles = context.new_page(), {}, []
        context.route("**/*", self._answer)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("dialog", lambda dialog: (self.troubles.append(dialog.message), dialog.dismiss()))

    def show(self, client, path, **headers):
        return self.show_answer(path, client.get(path, headers=headers))

    def show_answer(self, path, answer):
        """Show what a client was answered, by whatever method."""
        self.answers = {ORIGIN + path: answer}
        self.page.goto(ORIGIN + path)
        return self.page

    def _answer(self, route):
        path = route.request.url.removeprefix(ORIGIN)
        if response := self.answers.get(route.request.url):
            route.fulfill(status=response.status_code, headers=dict(response.items()), body=response.content)
        elif path.startswith(settings.STATIC_URL):
            file = finders.find(path.removeprefix(settings.STATIC_URL).partition("?")[0])
            route.fulfill(path=file, content_type=mimetypes.guess_type(file)[0])
        else:  # a poll
            route.abort()

    def _hear(self, kind, text):
        if kind in ("error", "warning") and "ERR_FAILED" not in text:
            self.troubles.append(text)
