"""Client of the Runtime API, with one connection for the life of the process."""

import base64
import json
import traceback
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

from a2a_tasks.runtime.answer import CONTENT_TYPE
from a2a_tasks.runtime.invocation import Context

_PREFIX = "/2018-06-01/runtime"


class RuntimeApi:
    """``host`` is ``AWS_LAMBDA_RUNTIME_API``. All methods raise ``OSError`` or ``HTTPException`` if it is
    gone; the process then ends, and Lambda starts another."""

    def __init__(self, host: str) -> None:
        # without a timeout: the environment is frozen until there is an invocation
        self._connection = HTTPConnection(host)

    def next(self) -> tuple[Any, Context]:
        """Wait for an invocation: its event and context."""
        self._connection.request("GET", f"{_PREFIX}/invocation/next")
        answer = self._connection.getresponse()
        event = json.loads(answer.read())
        return event, Context.from_headers(dict(answer.headers.items()))

    def respond(self, request_id: str, document: Any) -> None:
        """Respond with a complete JSON document."""
        body = json.dumps(document).encode()
        self._post(f"/invocation/{request_id}/response", body, {"Content-Type": "application/json"})

    def stream(self, request_id: str, chunks: Iterator[bytes]) -> BaseException | None:
        """Respond piece by piece. An exception of ``chunks`` is sent in trailers, because the head has been
        sent by then, and returned."""
        connection = self._connection
        connection.putrequest("POST", f"{_PREFIX}/invocation/{request_id}/response")
        connection.putheader("Content-Type", CONTENT_TYPE)
        connection.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.putheader(
            "Trailer", "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
        )
        connection.endheaders()
        failure: BaseException | None = None
        try:
            for chunk in chunks:
                if chunk:  # an empty one would end the answer
                    connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        except Exception as error:
            # the head is out with its 200: trailers are the only place left for an error
            failure = error
        # always, or the gateway would wait for more until the function's time is over
        connection.send(b"0\r\n" + (_trailers(failure) if failure else b"") + b"\r\n")
        # read to its end, since the connection serves the next invocation too
        connection.getresponse().read()
        return failure

    def fail(self, request_id: str, error: BaseException) -> None:
        """Report that the invocation failed without a response."""
        self._post_error(f"/invocation/{request_id}/error", error)

    def fail_to_start(self, error: BaseException) -> None:
        """Report that the function's module could not be loaded."""
        self._post_error("/init/error", error)

    def _post_error(self, path: str, error: BaseException) -> None:
        body = json.dumps(_described(error)).encode()
        self._post(path, body, {"Lambda-Runtime-Function-Error-Type": _type_of(error)})

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        self._connection.request("POST", _PREFIX + path, body, headers)
        self._connection.getresponse().read()


def _trailers(error: BaseException) -> bytes:
    body = base64.b64encode(json.dumps(_described(error)).encode())
    return (
        b"Lambda-Runtime-Function-Error-Type: %b\r\n" % _type_of(error).encode()
        + b"Lambda-Runtime-Function-Error-Body: %b\r\n" % body
    )


def _type_of(error: BaseException) -> str:
    return f"Runtime.{type(error).__name__}"


def _described(error: BaseException) -> dict[str, Any]:
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }
