"""A workflow as JSON."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from ...workflows.reading import workflow_of
from ..not_found import no_workflow
from ..ops import OpsView
from .serializers import workflow_item


class WorkflowApi(OpsView):
    """``api-workflow``: the tasks of a workflow, by the id of any of them, and what comes before what."""

    is_json = True

    def get(self, request: HttpRequest, task_id: str) -> HttpResponse:
        workflow = workflow_of(task_id)
        if workflow is None:
            raise no_workflow()
        return JsonResponse(workflow_item(workflow))
