"""Texts that a browser keeps, and asks for again only with their tag."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aws_lambda_powertools.event_handler import Response


@dataclass(frozen=True)
class CachedText:
    """A text that does not change in the life of the process."""

    content_type: str
    text: str

    @cached_property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.text.encode()).hexdigest()[:32]}"'

    def answer(self, if_none_match: str, headers: Mapping[str, str]) -> Response[Any]:
        """The text, or 304 if the ``If-None-Match`` header matches it."""
        told = {"ETag": self.etag, "Vary": "Accept-Encoding", **headers}
        if self.etag in (tag.strip().removeprefix("W/") for tag in if_none_match.split(",")):
            return Response(status_code=304, headers=told, body="", compress=False)
        return Response(status_code=200, content_type=self.content_type, headers=told, body=self.text)
