"""The backend that a client addresses, and the credential that it sends."""

import re
from dataclasses import dataclass
from enum import StrEnum

from local.doubles.connection import HttpRequest
from local.standin.errors import ApiError

# As the SDK's AnthropicBedrockMantle has it in its base URL.
BEDROCK_PREFIX = "/anthropic"
_WRONG_KEY = "sk-ant-wrong"
_SIGV4 = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[a-z0-9-]+/(?P<service>[a-z0-9-]+)/aws4_request, "
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+), Signature=[0-9a-f]{64}"
)


class Backend(StrEnum):
    """The APIs that the stand-in imitates."""

    CLAUDE = "claude"
    AWS = "aws"  # Claude on AWS: the whole API, under the account's roles
    BEDROCK = "bedrock"  # Bedrock Mantle: messages only, without what needs Anthropic's servers


_SERVICES = {"aws-external-anthropic": Backend.AWS, "bedrock-mantle": Backend.BEDROCK}


@dataclass(frozen=True, slots=True)
class Credential:
    """How a request is authenticated: `x-api-key`, `bearer`, or `sigv4:SERVICE`; and for which backend.

    `organization` is the account that it belongs to: in a key, the part after an `@`.
    """

    scheme: str
    backend: Backend
    organization: str = ""

    @classmethod
    def of(cls, http: HttpRequest) -> "Credential":
        """The credential of a request. Raises ApiError 401 if it has none, or one for another service."""
        on_bedrock = http.path.startswith(f"{BEDROCK_PREFIX}/")
        authorization = http.headers.get("authorization", "")
        if authorization.startswith("AWS4-HMAC-SHA256"):
            service = _service(authorization, http)
            backend = _SERVICES.get(service)
            if backend is None or (on_bedrock and backend is not Backend.BEDROCK):
                raise _refused(f"Credential should be scoped to correct service, not {service!r}.")
            return cls(f"sigv4:{service}", backend)
        scheme = "x-api-key" if http.headers.get("x-api-key") else "bearer"
        key = http.headers.get("x-api-key") or authorization.removeprefix("Bearer ")
        if not key:
            raise _refused("x-api-key header is required")
        if key == _WRONG_KEY:
            raise _refused("invalid x-api-key")
        organization = key.partition("@")[2]
        if on_bedrock:
            return cls(scheme, Backend.BEDROCK, organization)
        backend = Backend.AWS if "anthropic-workspace-id" in http.headers else Backend.CLAUDE
        return cls(scheme, backend, organization)


def _service(authorization: str, http: HttpRequest) -> str:
    signature = _SIGV4.fullmatch(authorization)
    if signature is None or "x-amz-date" not in http.headers:
        raise _refused("The request signature does not conform to AWS standards.")
    if "host" not in signature["headers"].split(";"):
        raise _refused("'host' must be a signed header.")
    return signature["service"]


def _refused(message: str) -> ApiError:
    return ApiError(401, "authentication_error", message)
