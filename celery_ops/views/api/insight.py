"""What tasks did over time, as JSON."""

from django.http import HttpRequest, HttpResponse

from ..insight.page import InsightView


class InsightApi(InsightView):
    """``api-insight``: the numbers of a window, of the whole site or of a task and a queue."""

    def setup(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        super().setup(request, *args, **kwargs)
        self.is_json = True

    def get(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        return self.answer_json()
