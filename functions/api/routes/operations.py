"""For those who run the API: whether it answers, and what it is."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from a2a_tasks.adapters import environment
from functions.api import services
from functions.api.models.operations import Health

DocsFormat = Literal["html", "json"]

router = APIGatewayRouter()


@router.get(
    "/health",
    summary="Whether the API answers",
    responses={200: {"description": "It does", "content": {"application/json": {"model": Health}}}},
    operation_id="health",
    tags=["operations"],
    security=[],
)
def health() -> dict[str, Any]:
    return {"status": "ok"}


if environment.optional("API_DOCS") == "on":

    @router.get("/docs", include_in_schema=False)
    def docs(format_: Annotated[DocsFormat, Query(alias="format")] = "html") -> Response[str]:
        from functions.api import docs_page  # nothing else needs it

        known = router.current_event.headers.get("if-none-match", "")
        answer = docs_page.document_answer if format_ == "json" else docs_page.page_answer
        return answer(services.app, known)
