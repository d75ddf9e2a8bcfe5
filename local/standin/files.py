"""Files created by code: their ids encode the directive's specification, so nothing is stored.

https://platform.claude.com/docs/en/build-with-claude/files
"""

import base64
import json
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.standin.errors import ApiError

_PREFIX = "file_"
_LIFETIME = "2099-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file of an organization. `fault`: `expired` or `busy` (every request is answered with it), `hang`
    (its content never arrives), `endless` (its content never ends), `lie` (its content exceeds its stated
    size)."""

    name: str
    text: str
    organization: str
    fault: str = ""

    @property
    def id(self) -> str:
        """Its id in the API."""
        text = json.dumps([self.name, self.text, self.organization, self.fault], ensure_ascii=False)
        return _PREFIX + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def find(cls, file_id: str, organization: str) -> "MadeFile":
        """The file. Raises ApiError 404 if the organization has none with this id, or it has expired; 529."""
        encoded = file_id.removeprefix(_PREFIX)
        try:
            file = cls(*json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))))
        except (TypeError, ValueError):
            raise ApiError(404, "not_found_error", f"File not found: {file_id}") from None
        if file.organization != organization:
            raise ApiError(404, "not_found_error", f"File not found: {file_id}")
        if file.fault == "expired":
            raise ApiError(404, "not_found_error", f"File has expired: {file_id}", "file_expired")
        if file.fault == "busy":
            raise ApiError.from_type("overloaded_error")
        return file

    def to_json(self) -> dict[str, Any]:
        """Its metadata."""
        return {
            "type": "file",
            "id": self.id,
            "filename": self.name,
            "mime_type": mimetypes.guess_type(self.name)[0] or "application/octet-stream",
            "size_bytes": len(self.text.encode()),
            "created_at": "2026-11-01T00:00:00Z",
            "expires_at": _LIFETIME,
            "downloadable": True,
        }

    def content(self) -> Iterator[bytes]:
        """Its content in chunks; one that hangs waits forever after the last chunk."""
        yield self.text.encode() * (2 if self.fault == "lie" else 1)
        while self.fault == "endless":
            yield self.text.encode()


def files_of(call: dict[str, Any], organization: str) -> list[MadeFile]:
    """The files that a code execution call creates: `{"files": [{"name", "text", "fault"?}]}`."""
    return [MadeFile(organization=organization, **file) for file in call.get("files", ())]
