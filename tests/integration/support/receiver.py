"""A receiver of notifications on this machine, well behaved or not, with a certificate or without."""

import asyncio
import datetime
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"

type Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What is done once a request has been read."""


@dataclass(frozen=True)
class Received:
    """One request; names of headers are in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes


def reply(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    """A whole answer; an underscore in a header's name stands for a hyphen."""

    async def send(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    return send


def trickle(first: bytes, then: bytes, seconds: float = 0.02) -> Behaviour:
    """``first`` at once, and then the same again and again, until the other side has gone."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(then)
            await writer.drain()
            await asyncio.sleep(seconds)

    return send


async def reset(writer: asyncio.StreamWriter) -> None:
    """The connection is torn down without a word."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """The connection is closed without an answer."""
    writer.close()


@dataclass
class Receiver:
    """Answers each request as the next of ``script`` says, and from the last on always the same."""

    port: int = 0
    scheme: str = "http"
    script: list[Behaviour] = field(default_factory=lambda: [reply(200)])
    requests: list[Received] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://{HOST}:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            self.requests.append(await _read(reader))
            behaviour = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            await behaviour(writer)
        writer.close()


@contextmanager
def receiving(*script: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver for the length of the block, on a free port."""
    receiver = Receiver(scheme="https" if tls else "http")
    if script:
        receiver.script = list(script)
    ready: Future[Callable[[], object]] = Future()
    thread = threading.Thread(target=_run, args=(receiver, tls, ready), name="receiver", daemon=True)
    thread.start()
    stop = ready.result()
    try:
        yield receiver
    finally:
        stop()
        thread.join()


def _run(receiver: Receiver, tls: ssl.SSLContext | None, ready: "Future[Callable[[], object]]") -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        server = await asyncio.start_server(receiver.serve, HOST, 0, ssl=tls)
        receiver.port = server.sockets[0].getsockname()[1]
        ready.set_result(lambda: loop.call_soon_threadsafe(stopped.set))
        await stopped.wait()
        server.close()
        server.abort_clients()
        await server.wait_closed()

    asyncio.run(main())


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *fields = head.strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (entry.partition(": ") for entry in fields)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(line, headers, body)


@dataclass(frozen=True)
class Authority:
    """One that issues certificates. ``trust`` is a client that trusts it and nobody else."""

    key: ec.EllipticCurvePrivateKey
    name: x509.Name
    trust: ssl.SSLContext

    @classmethod
    def new(cls) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
        builder = _certificate(name, name, key).add_extension(x509.BasicConstraints(True, None), True)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        signed = (
            builder.add_extension(usage, True).add_extension(identifier, False).sign(key, hashes.SHA256())
        )
        pem = signed.public_bytes(serialization.Encoding.PEM).decode()
        return cls(key, name, ssl.create_default_context(cadata=pem))

    def server_of(self, *hosts: str, days: int = 1) -> ssl.SSLContext:
        """A server with a certificate for these names; with less than no ``days`` it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = _certificate(subject, self.name, key, days).add_extension(names, False)
        signed = builder.add_extension(issuer_key, False).sign(self.key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "server.pem"
            file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
            context.load_cert_chain(file)
        return context


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int = 1
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
    )
