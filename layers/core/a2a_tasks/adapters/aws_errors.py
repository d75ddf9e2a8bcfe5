"""Failed calls of AWS, as the errors of ports."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError


@contextmanager
def port_errors(unavailable: type[Exception], known: Mapping[str, Exception] | None = None) -> Iterator[None]:
    """A call that fails in its body raises ``unavailable``, or what ``known`` has for the error code."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        # a BotoCoreError has no code: there was no response, or an incomplete one
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        raise (known or {}).get(code) or unavailable(str(error)) from error
