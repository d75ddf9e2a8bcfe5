"""WeCom's API over HTTP. What opens doors is in its addresses, so no address gets into a log or an error."""

import hashlib
import json
import re
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpcore2

from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.ports import (
    FileTooLarge,
    IssuedToken,
    SentFile,
    UnreachedRecipients,
    UploadKind,
    WeComRefused,
    WeComUnanswered,
)
from a2a_tasks.wecom.protocol.errcodes import OK

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0
FILE_SECONDS = 30.0
MAX_ANSWER_BYTES = 256 * 1024
RESPONSE_URL = "response_url"
JSON = "application/json; charset=utf-8"

_FROM_IP = re.compile(r"from ip: ?([0-9a-fA-F.:]{3,45})")
_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f\"\\]|[\ud800-\udfff]")
_FILE_NAME = re.compile(r'filename="([^"]{1,255})"')


class _AnswerTooLarge(WeComUnanswered):
    """An answer that is longer than was expected."""


class HttpWeComApi:
    """``WeComApi``. A connection for each request, so that a process that was frozen finds none that only
    seems to be open; no proxy, no redirect, no cookie."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        file_seconds: float = FILE_SECONDS,
    ) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls or httpcore2.default_ssl_context(),
            max_connections=100,
            max_keepalive_connections=0,
        )
        self._monotonic = monotonic
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds
        self._file_seconds = file_seconds

    def issue_token(self, connection: Connection, corp_secret: str) -> IssuedToken:
        query = {"corpid": connection.corp_id or "", "corpsecret": corp_secret}
        answer = self._call(connection, "gettoken", query)
        return IssuedToken(str(answer["access_token"]), int(answer["expires_in"]))

    def send_message(
        self, connection: Connection, token: str, message: Mapping[str, Any]
    ) -> UnreachedRecipients:
        answer = self._call(connection, "message/send", {"access_token": token}, _json(message))
        return UnreachedRecipients(_names(answer.get("invaliduser")), _names(answer.get("unlicenseduser")))

    def upload(self, connection: Connection, token: str, name: str, content: bytes, kind: UploadKind) -> str:
        query = {"access_token": token, "type": kind.value}
        return self._upload(connection, "media/upload", query, name, content)

    def download(self, connection: Connection, token: str, media_id: str, limit: int) -> SentFile:
        query = {"access_token": token, "media_id": media_id}
        url = _url(connection, "media/get", query)
        try:
            status, headers, content = self._request(
                "media/get", "GET", url, limit=limit, seconds=self._file_seconds
            )
        except _AnswerTooLarge:
            raise FileTooLarge from None
        media_type = headers.get("content-type", "application/octet-stream").partition(";")[0].strip()
        disposition = headers.get("content-disposition", "")
        if not disposition and media_type in ("application/json", "text/plain"):  # an error instead of a file
            _check("media/get", _document("media/get", status, content))
        if status != 200:
            raise WeComUnanswered("media/get", f"an answer of status {status}")
        name = _FILE_NAME.search(disposition)
        # headers are read as Latin-1, and names are in UTF-8
        shown = name[1].encode("latin-1").decode("utf-8", "replace") if name else ""
        return SentFile(content, shown)

    def departments(self, connection: Connection, token: str, user_id: str) -> frozenset[int]:
        answer = self._call(connection, "user/get", {"access_token": token, "userid": user_id})
        return frozenset(int(number) for number in answer.get("department", ()))

    def send_to_group(self, connection: Connection, key: str, message: Mapping[str, Any]) -> None:
        self._call(connection, "webhook/send", {"key": key}, _json(message))

    def upload_to_group(self, connection: Connection, key: str, name: str, content: bytes) -> str:
        query = {"key": key, "type": "file"}
        return self._upload(connection, "webhook/upload_media", query, name, content)

    def respond(self, connection: Connection, response_url: str, message: Mapping[str, Any]) -> None:
        # the address comes from a message, and receives a user's answer
        if not response_url.startswith(f"{connection.api_url}/"):
            raise WeComUnanswered(RESPONSE_URL, "it is not WeCom's")
        status, _, content = self._request(RESPONSE_URL, "POST", response_url, _json(message), JSON)
        # it is undocumented whether it responds like the API
        answer = _document(RESPONSE_URL, status, content or b"{}")
        _check(RESPONSE_URL, {"errcode": OK} | answer)

    def _upload(
        self, connection: Connection, endpoint: str, query: Mapping[str, str], name: str, content: bytes
    ) -> str:
        content_type, form = _form(name, content)
        answer = self._call(connection, endpoint, query, form, content_type, self._file_seconds)
        return str(answer["media_id"])

    def _call(
        self,
        connection: Connection,
        endpoint: str,
        query: Mapping[str, str],
        body: bytes | None = None,
        content_type: str = JSON,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        method = "GET" if body is None else "POST"
        url = _url(connection, endpoint, query)
        status, _, content = self._request(endpoint, method, url, body, content_type, seconds=seconds)
        return _check(endpoint, _document(endpoint, status, content))

    def _request(
        self,
        endpoint: str,
        method: str,
        url: str,
        body: bytes | None = None,
        content_type: str = JSON,
        *,
        limit: int = MAX_ANSWER_BYTES,
        seconds: float | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by their names in lower case, and body."""
        seconds = seconds or self._total_seconds
        ends_at = self._monotonic() + seconds
        timeout = {"connect": self._connect_seconds, "read": seconds, "write": seconds, "pool": seconds}
        headers = [("Host", urlsplit(url).netloc), ("Accept", "*/*"), ("User-Agent", "a2a-tasks")]
        if body is not None:
            headers.append(("Content-Type", content_type))
        try:
            with self._pool.stream(
                method, url, headers=headers, content=body, extensions={"timeout": timeout}
            ) as response:
                content = self._bounded(endpoint, response, limit, ends_at)
                return response.status, _headers(response.headers), content
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout):
            # all without their causes, which may contain the address and with it a key or token
            raise WeComUnanswered(endpoint, "no connection") from None
        except httpcore2.TimeoutException:
            raise WeComUnanswered(endpoint, f"no answer within {seconds:g} s") from None
        except httpcore2.LocalProtocolError:
            raise WeComUnanswered(endpoint, "a request that cannot be sent") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError):
            raise WeComUnanswered(endpoint, "the connection broke") from None

    def _bounded(self, endpoint: str, response: httpcore2.Response, limit: int, ends_at: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in response.iter_stream():
            parts.append(part)
            size += len(part)
            if size > limit:
                raise _AnswerTooLarge(endpoint, f"more than {limit} bytes")
            # a read timeout does not bound a slowly trickling response
            if self._monotonic() > ends_at:
                raise WeComUnanswered(endpoint, "an answer that does not end")
        return b"".join(parts)


def _url(connection: Connection, endpoint: str, query: Mapping[str, str]) -> str:
    return f"{connection.api_url}/cgi-bin/{endpoint}?{urlencode(query, quote_via=quote)}"


def _json(message: Mapping[str, Any]) -> bytes:
    """In raw UTF-8: some endpoints refuse what is escaped."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _document(endpoint: str, status: int, content: bytes) -> dict[str, Any]:
    if status != 200:
        raise WeComUnanswered(endpoint, f"an answer of status {status}")
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise WeComUnanswered(endpoint, "an answer that is no JSON object")
    return document


def _check(endpoint: str, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, if it is none of an error."""
    errcode = answer.get("errcode")
    if not isinstance(errcode, int):
        raise WeComUnanswered(endpoint, "an answer without errcode")
    if errcode != OK:
        from_ip = _FROM_IP.search(str(answer.get("errmsg", "")))
        raise WeComRefused(endpoint, errcode, from_ip[1] if from_ip else None)
    return answer


def _form(name: str, content: bytes) -> tuple[str, bytes]:
    """The type and the bytes of a form with one file. WeCom shows its name, which it reads in raw UTF-8."""
    # derived from the content, so that it cannot occur in it and the same file gives the same request
    boundary = hashlib.sha256(content).hexdigest()
    name = _NOT_IN_A_NAME.sub("_", name)
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="media"; filename="{name}"; filelength={len(content)}\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return f"multipart/form-data; boundary={boundary}", b"".join(
        (head.encode(), content, f"\r\n--{boundary}--\r\n".encode("ascii"))
    )


def _headers(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _names(joined: object) -> tuple[str, ...]:
    return tuple(name for name in str(joined or "").split("|") if name)
