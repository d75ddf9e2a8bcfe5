"""The page at /docs: the API's OpenAPI document in Swagger UI, with nothing loaded from elsewhere.

Only this page needs this module, so it is imported when somebody asks for the page.
"""

from importlib.resources import files
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.openapi import swagger_ui
from aws_lambda_powertools.event_handler.openapi.models import Server

from a2a_tasks.domain.json_text import serialize
from functions.api.openapi import openapi_document

HERE = Server(url=".")
"""Relative to the page: right below every stage and custom domain."""
HEADERS = {
    # All of it is in the page, so whatever gets into it may load nothing and tell nobody.
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def document_answer(app: APIGatewayRestResolver) -> Response[str]:
    """The document itself."""
    return _answer("application/json", serialize(openapi_document(app, [HERE])))


def page_answer(app: APIGatewayRestResolver) -> Response[str]:
    """The page, with the document in it."""
    document = serialize(openapi_document(app, [HERE])).replace("</", "<\\/")  # it must not end the script
    html = swagger_ui.generate_swagger_html(
        document, _asset("swagger-ui-bundle.min.js"), _asset("swagger-ui.min.css"), "", None
    )
    return _answer("text/html; charset=utf-8", html)


def _asset(name: str) -> str:
    return files(swagger_ui).joinpath(name).read_text(encoding="utf-8")


def _answer(content_type: str, body: str) -> Response[Any]:
    return Response(status_code=200, content_type=content_type, headers=dict(HEADERS), body=body)
