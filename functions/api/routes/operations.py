"""For those who run the API: whether it answers, and what it is."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Header, Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from a2a_tasks.adapters import environment
from functions.api import services
from functions.api.models.operations import Health

DocsFormat = Literal["html", "json"]
IfNoneMatch = Annotated[str, Header(alias="If-None-Match")]

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
    def docs(
        format_: Annotated[DocsFormat, Query(alias="format")] = "html", if_none_match: IfNoneMatch = ""
    ) -> Response[str]:
        from functions.api import docs_page  # nothing else needs it

        answer = docs_page.document_answer if format_ == "json" else docs_page.page_answer
        return answer(services.app, if_none_match)


if environment.optional("CONSOLE") == "on":

    @router.get("/console", include_in_schema=False, compress=True)
    def console(if_none_match: IfNoneMatch = "") -> Response[str]:
        from functions.api.console import answers  # nothing else needs it

        if router.current_event.request_context.path.endswith("/"):
            return answers.elsewhere("../console")  # where the page's relative addresses are right
        return answers.page_answer(if_none_match)

    @router.get("/console/<version>/<name>", include_in_schema=False, compress=True)
    def console_file(version: str, name: str, if_none_match: IfNoneMatch = "") -> Response[str]:
        from functions.api.console import answers

        return answers.file_answer(version, name, if_none_match)
