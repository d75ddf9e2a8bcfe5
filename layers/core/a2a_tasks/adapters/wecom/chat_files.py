"""Fetching the files that people send: from hosts on the internet alone, and not more than is wanted."""

import http.client
import re
import socket
import ssl
import time
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from a2a_tasks.domain.webhooks.target import check_url, may_connect
from a2a_tasks.wecom.ports import FileTooLarge, FileUnavailable, SentFile

CHUNK_BYTES = 64 * 1024
MAX_NAME = 200
_ENCODED_NAME = re.compile(r"filename\*\s*=\s*[^']*'[^']*'([^;]+)", re.IGNORECASE)
_NAME = re.compile(r'filename\s*=\s*"?([^";]+)', re.IGNORECASE)


@dataclass(frozen=True)
class HttpFiles:
    """``FileFetcher``. The address comes in a message that WeCom has signed; all the same it leads nowhere
    inside, and the address that is checked is the one that is connected to. ``allow_loopback`` is for the
    local stack."""

    allow_loopback: bool = False

    def fetch(self, url: str, max_bytes: int, seconds: float) -> SentFile:
        if problem := check_url(url, allow_loopback=self.allow_loopback):
            raise FileUnavailable(f"its address {problem}")
        until = time.monotonic() + seconds
        try:
            return self._fetch(url, max_bytes, until)
        except (OSError, http.client.HTTPException) as error:
            # not the error's text, which may contain the address
            raise FileUnavailable(type(error).__name__) from None

    def _fetch(self, url: str, max_bytes: int, until: float) -> SentFile:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        sock = self._connected(host, port, until)
        if parts.scheme == "https":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        connection = http.client.HTTPConnection(host, port)
        connection.sock = sock
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers={"Host": parts.netloc, "Accept": "*/*"})
            response = connection.getresponse()
            # a redirect's target would not be checked
            if response.status != http.client.OK:
                raise FileUnavailable(f"status {response.status}")
            name = _name_of(response.getheader("Content-Disposition") or "")
            return SentFile(_read(response, sock, max_bytes, until), name)
        finally:
            connection.close()

    def _connected(self, host: str, port: int, until: float) -> socket.socket:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses or not all(
            may_connect(ip_address(address), allow_loopback=self.allow_loopback) for address in addresses
        ):
            raise FileUnavailable("its host is not on the internet")
        # connects to the checked address, not the name: a second DNS lookup could return another
        return socket.create_connection((addresses[0], port), timeout=_left(until))


def _read(response: http.client.HTTPResponse, sock: socket.socket, max_bytes: int, until: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    if (response.length or 0) > max_bytes:
        raise FileTooLarge
    while not response.isclosed():
        sock.settimeout(_left(until))
        chunk = response.read1(CHUNK_BYTES)
        if not chunk:
            break
        size += len(chunk)
        if size > max_bytes:
            raise FileTooLarge
        chunks.append(chunk)
    # compares with the announced length, because http.client reports a truncated body as its end
    if response.length:
        raise FileUnavailable("it was cut off")
    return b"".join(chunks)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise FileUnavailable("it took too long")
    return left


def _name_of(disposition: str) -> str:
    if encoded := _ENCODED_NAME.search(disposition):
        name = unquote(encoded[1].strip())
    else:
        plain = _NAME.search(disposition)
        name = unquote(plain[1].strip()) if plain else ""
    return name.replace("\\", "/").rpartition("/")[2][:MAX_NAME]
