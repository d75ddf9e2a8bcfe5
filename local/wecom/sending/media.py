"""Uploaded files, and the files that people send to the bot."""

import email.parser
import email.policy
import secrets
from dataclasses import dataclass

from local.doubles.connection import HttpRequest
from local.wecom import errors
from local.wecom.errors import WeComError

_MEBIBYTE = 1024 * 1024
_LARGEST = {"image": 10 * _MEBIBYTE, "voice": 2 * _MEBIBYTE, "video": 10 * _MEBIBYTE, "file": 20 * _MEBIBYTE}
_SMALLEST = 6
_KEPT_MS = 3 * 86_400_000
_SENT_MS = 300_000


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was uploaded by `owner`: `app`, or a group robot's key. `at` is in Unix milliseconds."""

    media_id: str
    type: str
    owner: str
    filename: str
    content: bytes
    at: int


class Media:
    """Uploaded files (for three days) and files that people send (for five minutes)."""

    def __init__(self) -> None:
        self.uploads: dict[str, Upload] = {}
        self._sent: dict[str, tuple[bytes, int]] = {}

    def upload(self, http: HttpRequest, types: tuple[str, ...], owner: str, now: int) -> dict[str, object]:
        """The response to an upload. Raises WeComError."""
        kind = http.query.get("type", "")
        if kind not in types:
            raise WeComError(errors.BAD_MEDIA_TYPE, "invalid media type")
        filename, content = _form_file(http)
        if len(content) < _SMALLEST:
            raise WeComError(errors.BAD_FILE_SIZE, "invalid file size")
        if len(content) > _LARGEST[kind]:
            raise WeComError(errors.FILE_TOO_LARGE, "media size out of limit")
        upload = Upload(secrets.token_urlsafe(32), kind, owner, filename, content, now)
        self.uploads[upload.media_id] = upload
        return {"type": kind, "media_id": upload.media_id, "created_at": str(now // 1000)}

    def find(self, media_id: object, kind: str, owner: str, now: int) -> Upload:
        """An upload that may be sent now. Raises WeComError."""
        upload = self.uploads.get(media_id) if isinstance(media_id, str) else None
        if upload is None or (upload.type, upload.owner) != (kind, owner) or now >= upload.at + _KEPT_MS:
            raise WeComError(errors.BAD_MEDIA_ID, "invalid media_id")
        return upload

    def receive(self, kind: str, filename: str, content: bytes, now: int) -> str:
        """Store a file that a person sends to the application; returns its media id."""
        upload = Upload(secrets.token_urlsafe(32), kind, "app", filename, content, now)
        self.uploads[upload.media_id] = upload
        return upload.media_id

    def of_app(self, media_id: str, now: int) -> Upload:
        """A file that the application may fetch with `media/get`. Raises WeComError."""
        upload = self.uploads.get(media_id)
        if upload is None or upload.owner != "app" or now >= upload.at + _KEPT_MS:
            raise WeComError(errors.BAD_MEDIA_ID, "invalid media_id")
        return upload

    def send(self, encrypted: bytes, now: int) -> str:
        """Store a file that a person sends to the bot; returns the path to fetch it from."""
        name = secrets.token_urlsafe(16)
        self._sent[name] = (encrypted, now)
        return f"/media/{name}"

    def fetch(self, path: str, now: int) -> bytes | None:
        """The encrypted bytes of a file that was sent; None if it does not exist or has expired."""
        encrypted, sent_at = self._sent.get(path.removeprefix("/media/"), (None, 0))
        return encrypted if now < sent_at + _SENT_MS else None


def _form_file(http: HttpRequest) -> tuple[str, bytes]:
    content_type = http.headers.get("content-type", "")
    document = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1") + http.body
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(document)
    for part in form.iter_parts() if form.is_multipart() else ():
        if part.get_param("name", header="content-disposition") == "media" and part.get_filename():
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                return str(part.get_filename()), content
    raise WeComError(errors.NO_MEDIA, "media data missing")
