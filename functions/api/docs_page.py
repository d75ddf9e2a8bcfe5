"""The page at /docs: the OpenAPI document in Swagger UI, with no external resources.

Imported on demand, because only this page needs it.
"""

from functools import cache
from importlib.resources import files

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.openapi import swagger_ui
from aws_lambda_powertools.event_handler.openapi.models import Server

from a2a_tasks.domain.text.json_text import serialize
from functions.api.cached_answer import CachedText
from functions.api.openapi import openapi_document

HERE = Server(url=".")
"""Relative to the page, so that it is right for every stage and custom domain."""
MAX_AGE_SECONDS = 3_600
HEADERS = {
    "Cache-Control": f"public, max-age={MAX_AGE_SECONDS}",
    # All of it is in the page, so whatever gets into it may load nothing and tell nobody.
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def document_answer(app: APIGatewayRestResolver, if_none_match: str) -> Response[str]:
    """The document, or 304 if the ``If-None-Match`` header matches it."""
    return _document(app).answer(if_none_match, HEADERS)


def page_answer(app: APIGatewayRestResolver, if_none_match: str) -> Response[str]:
    """The page, which contains the document."""
    return _page(app).answer(if_none_match, HEADERS)


@cache
def _document(app: APIGatewayRestResolver) -> CachedText:
    """Generated once per process, because it takes as long as fifty requests."""
    return CachedText("application/json", serialize(openapi_document(app, [HERE])))


@cache
def _page(app: APIGatewayRestResolver) -> CachedText:
    # in the page, so that the page may load nothing
    document = _document(app).text.replace("</", "<\\/")  # it must not end the script
    page = swagger_ui.generate_swagger_html(
        document, _asset("swagger-ui-bundle.min.js"), _asset("swagger-ui.min.css"), "", None
    )
    return CachedText("text/html; charset=utf-8", page)


def _asset(name: str) -> str:
    return files(swagger_ui).joinpath(name).read_text(encoding="utf-8")
