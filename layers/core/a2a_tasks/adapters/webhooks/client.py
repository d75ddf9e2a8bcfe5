"""One guarded request to a receiver of notifications, with a total timeout of seconds."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import urlsplit

import httpcore2

from a2a_tasks.domain.webhooks.target import Address, check_url, may_connect
from a2a_tasks.ports.webhooks import NotAnswered, ReceiverAnswer

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0
DRAIN_SECONDS = 1.0
MAX_ANSWER_BYTES = 64 * 1024
"""Of what follows a status, which is the answer: taken for ``DRAIN_SECONDS`` and so many bytes at most."""
RETRY_AFTER = b"retry-after"

type Resolve = Callable[[str, int], Awaitable[list[Address]]]
"""Addresses of a host name. Raises ``OSError``."""


class _Forbidden(Exception):
    """The host has an address that must not receive notifications."""


class GuardedClient:
    """``WebhookClient`` that connects only to addresses it has checked.

    A name is resolved for every request and the connection opened to the checked address itself, while TLS
    still verifies the name: a name that pointed elsewhere a moment ago leads nowhere. There is a connection
    for each request, no proxy, no redirect, no cookie, and nothing that the environment could change but the
    authorities to be trusted.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._tls = tls or httpcore2.default_ssl_context()
        self._resolve = resolve or resolve_by_system
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds

    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> ReceiverAnswer:
        if problem := check_url(url, allow_loopback=self._allow_loopback):
            raise NotAnswered(f"the address {problem}")
        try:
            async with asyncio.timeout(self._total_seconds):
                return await self._post(url, headers, body)
        except _Forbidden:
            raise NotAnswered("the host has an address that is not on the internet") from None
        except httpcore2.ConnectTimeout:
            raise NotAnswered(f"no connection within {self._connect_seconds:g} s") from None
        except (httpcore2.TimeoutException, TimeoutError):
            raise NotAnswered(f"no answer within {self._total_seconds:g} s") from None
        except httpcore2.ConnectError as error:
            raise NotAnswered(_connect_problem(error)) from None
        except httpcore2.LocalProtocolError:
            raise NotAnswered("the request has a header that cannot be sent") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError):
            raise NotAnswered("the connection broke before there was an answer") from None

    async def _post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> ReceiverAnswer:
        with_host = [("Host", urlsplit(url).netloc), *headers]
        async with (
            _GuardedNetwork(self._resolve, allow_loopback=self._allow_loopback) as network,
            httpcore2.AsyncConnectionPool(ssl_context=self._tls, network_backend=network) as pool,
            pool.stream(
                "POST",
                _target_of(url),
                headers=[(name.encode("ascii"), value.encode("ascii")) for name, value in with_host],
                content=body,
                extensions={"timeout": {"connect": self._connect_seconds}},
            ) as response,
        ):
            # only the status matters; the body is read briefly, to let the receiver finish
            with suppress(TimeoutError, httpcore2.NetworkError, httpcore2.ProtocolError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    await _drain(response)
            found = (value for name, value in response.headers if name.lower() == RETRY_AFTER)
            retry_after = next(found, None)
            return ReceiverAnswer(
                response.status, None if retry_after is None else retry_after.decode("ascii", "replace")
            )


class _GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """TCP to checked addresses, for one request. Its connections are closed with it."""

    def __init__(self, resolve: Resolve, *, allow_loopback: bool) -> None:
        self._resolve = resolve
        self._allow_loopback = allow_loopback
        self._tcp = httpcore2.AnyIOBackend()
        self._opened: list[httpcore2.AsyncNetworkStream] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        # the library leaks a connection whose TLS handshake is cancelled
        for stream in self._opened:
            await stream.aclose()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the library's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception = httpcore2.ConnectError("the name has no address")
        for address in await self._checked(host, port):
            try:
                stream = await self._tcp.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                # a host may have an unreachable IPv6 address: all addresses are tried before the failure
                # counts
                failure = error
            else:
                self._opened.append(stream)
                return stream
        raise failure

    async def _checked(self, host: str, port: int) -> list[Address]:
        """Addresses of the host. If one of them is forbidden, all are."""
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError("the name could not be resolved") from error
        if not all(may_connect(address, allow_loopback=self._allow_loopback) for address in addresses):
            raise _Forbidden
        return addresses


async def resolve_by_system(host: str, port: int) -> list[Address]:
    """Addresses from the system's resolver, in its order."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(place[0]) for *_, place in found))


def _target_of(url: str) -> httpcore2.URL:
    """The URL as ``check_url`` parsed it, because parsing it twice might give different results."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return httpcore2.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target)


async def _drain(response: httpcore2.Response) -> None:
    taken = 0
    async for chunk in response.aiter_stream():
        taken += len(chunk)
        if taken >= MAX_ANSWER_BYTES:
            return


def _connect_problem(error: BaseException | None) -> str:
    while error is not None:
        match error:
            case ssl.SSLCertVerificationError():
                return f"its certificate is refused: {error.verify_message}"
            case ssl.SSLError():
                return "it does not speak TLS as it should"
            case socket.gaierror() | UnicodeError():
                return "its name could not be resolved"
        error = error.__cause__ or error.__context__  # the library drops causes but keeps contexts
    return "no connection"
