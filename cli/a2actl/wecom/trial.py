"""Tests of a WeCom connection: what WeCom does when its callback is saved, and what the sender needs."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets
from a2a_tasks.wecom.protocol.callback_keys import callback_keys
from a2a_tasks.wecom.protocol.crypto import RANDOM_BYTES
from a2actl.terminal.language import Language, Words
from a2actl.wecom.errors import explain

WECOM_WAITS_SECONDS = 1.0
_TIMEOUT = httpx.Timeout(15, connect=5)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

_VERIFIED = Words(
    "回调验证通过，用时 {seconds:.2f} 秒（企业微信最多等 1 秒）。",
    "The callback answers correctly, in {seconds:.2f} s (WeCom waits for 1 s).",
)
_WOKEN = Words(
    "回调验证通过：第一次用时 {first:.2f} 秒（冷启动），第二次 {seconds:.2f} 秒。请立即点击“保存”。",
    "The callback answers correctly: in {first:.2f} s at first (cold start), then in {seconds:.2f} s. Press"
    " 保存 (Save) now.",
)
_SLOW = Words(
    "回调响应正确，但用时 {seconds:.2f} 秒，而企业微信只等 1 秒：请换离 API 更近的网络重试。",
    "The callback's answer is right but took {seconds:.2f} s, and WeCom waits for 1 s; try again from a"
    " network closer to the API.",
)
_UNREACHABLE = Words(
    "连不上 {host}（{error}）：检查域名解析、证书和 --public-url。",
    "{host} cannot be reached ({error}); check its DNS, its certificate and --public-url.",
)
_NOT_FOUND = Words(
    "{host} 上没有这个路径（{status}）：检查 --public-url 的路径，以及部署的版本是否包含企业微信。",
    "{host} has no such path ({status}); check the path of --public-url, and whether the"
    " deployed release has WeCom.",
)
_REFUSED = Words(
    "回调函数拒绝了请求（403）：连接可能已停用，或刚刚换过密钥；请十秒后重试。",
    "The function rejected the request (403): the connection may be disabled, or its keys were just"
    " changed; try again in ten seconds.",
)
_STATUS = Words(
    "回调返回了 {status}，应为 200；请查看 wecom 函数的日志。",
    "The callback returned {status}, not 200; check the log of the function wecom.",
)
_CHANGED = Words(
    "回调的响应被改动，或不是本系统返回的：检查域名前面的代理或 CDN（不能添加引号、换行，也不能缓存）。",
    "The response was changed on the way, or is not from this system; check proxies and CDNs in front of"
    " the API: they must not add quotes or line breaks, or cache.",
)
_NO_KEYS = Words(
    "缺少 Token 和 EncodingAESKey：执行 a2actl wecom connections rotate {id}",
    "Token and EncodingAESKey are missing; run: a2actl wecom connections rotate {id}",
)
_TOKEN = Words(
    "应用的 CorpID 和 Secret 有效（gettoken 成功）。可信 IP 只有在发送函数发消息时才能验证（60020）。",
    "The application's CorpID and Secret are valid (gettoken). Whether the sender's IP is trusted shows"
    " only when it sends (60020).",
)
_NO_CORP_SECRET = Words(
    "缺少应用的 Secret：执行 a2actl wecom connections rotate {id} --corp-secret",
    "The application's Secret is missing; run: a2actl wecom connections rotate {id} --corp-secret",
)
_NO_WEBHOOK_KEY = Words(
    "缺少群机器人的 Webhook 地址：执行 a2actl wecom connections rotate {id} --webhook-key",
    "The Webhook URL of the group robot is missing; run: a2actl wecom connections rotate {id} --webhook-key",
)
_NOT_SENT = Words(
    "Webhook 地址已保存。要真正验证它，请加 --send 向群里发一条测试消息。",
    "The Webhook URL is stored. To verify it, send a test message to the group with --send.",
)
_SENT = Words("测试消息已发到群里。", "The test message was sent to the group.")
_TEST_MESSAGE = Words("a2a-tasks：连接 {id} 工作正常。", "a2a-tasks: the connection {id} works.")
_API_UNREACHABLE = Words(
    "连不上企业微信 {host}（{error}）：检查网络和 --api-url。",
    "WeCom cannot be reached at {host} ({error}); check the network and --api-url.",
)
_API_ODD = Words(
    "{host} 返回的不是企业微信的响应（{status}）：检查 --api-url。",
    "The response from {host} is not from WeCom ({status}); check --api-url.",
)


@dataclass(frozen=True)
class Finding:
    """What came of one check, in a sentence."""

    is_good: bool
    text: str


@dataclass(frozen=True)
class Trial:
    """Checks of one connection, whose callback is at ``url``, None for a group. ``stopwatch``: seconds."""

    connection: Connection
    url: str | None
    secrets: ConnectionSecrets
    language: Language
    clock: Clock
    entropy: Entropy
    stopwatch: Callable[[], float] = time.perf_counter

    def findings(self, *, send: bool) -> Iterator[Finding]:
        """One after the other, as they are made; ``send`` lets a group get a message."""
        if self.connection.kind is ConnectionKind.GROUP:
            yield self._group(send=send)
            return
        yield self._callback()
        if self.connection.kind is ConnectionKind.APP:
            yield self._token()

    def _callback(self) -> Finding:
        if not callback_keys(self.connection, self.secrets):
            return self._bad(_NO_KEYS)
        first, finding = self._verification()
        if not finding.is_good or first <= WECOM_WAITS_SECONDS:
            return finding
        seconds, finding = self._verification()
        if finding.is_good and seconds <= WECOM_WAITS_SECONDS:
            return self._good(_WOKEN, first=first, seconds=seconds)
        return self._bad(_SLOW, seconds=seconds) if finding.is_good else finding

    def _verification(self) -> tuple[float, Finding]:
        """The request that WeCom sends on Save: its duration in seconds, and the result."""
        url = self.url or ""
        key = callback_keys(self.connection, self.secrets)[0]
        message, nonce = self.entropy.bytes(8).hex(), self.entropy.bytes(8).hex()
        echo = key.encrypt(message, self.entropy.bytes(RANDOM_BYTES))
        timestamp = str(self.clock.now() // 1000)
        signature = key.sign(timestamp, nonce, echo)
        query = {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce, "echostr": echo}
        host = urlsplit(url).hostname or ""
        began = self.stopwatch()
        try:
            with _client(url) as client:
                answer = client.get(url, params=query)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return 0.0, self._bad(_UNREACHABLE, host=host, error=type(error).__name__)
        seconds = self.stopwatch() - began
        match answer.status_code:
            case 200 if answer.content == message.encode():
                return seconds, self._good(_VERIFIED, seconds=seconds)
            case 200:
                return seconds, self._bad(_CHANGED)
            case 403 if answer.headers.get("x-amzn-errortype") is None:
                return seconds, self._bad(_REFUSED)
            case 403 | 404:
                return seconds, self._bad(_NOT_FOUND, host=host, status=answer.status_code)
        return seconds, self._bad(_STATUS, status=answer.status_code)

    def _token(self) -> Finding:
        if not self.secrets.corp_secret:
            return self._bad(_NO_CORP_SECRET)
        query = {"corpid": self.connection.corp_id or "", "corpsecret": self.secrets.corp_secret}
        return self._asked("GET", "gettoken", query, None, _TOKEN)

    def _group(self, *, send: bool) -> Finding:
        if not self.secrets.webhook_key:
            return self._bad(_NO_WEBHOOK_KEY)
        if not send:
            return self._good(_NOT_SENT)
        text = _TEST_MESSAGE.in_(self.language).format(id=self.connection.connection_id)
        message = {"msgtype": "text", "text": {"content": text}}
        return self._asked("POST", "webhook/send", {"key": self.secrets.webhook_key}, message, _SENT)

    def _asked(
        self, method: str, endpoint: str, query: dict[str, str], body: dict[str, Any] | None, good: Words
    ) -> Finding:
        """A call of WeCom's API. Its URL contains a secret, so of an error only the type is shown."""
        base = self.connection.api_url
        host = urlsplit(base).hostname or ""
        try:
            with _client(base) as client:
                url = f"{base.rstrip('/')}/cgi-bin/{endpoint}"
                answer = client.request(method, url, params=query, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return self._bad(_API_UNREACHABLE, host=host, error=type(error).__name__)
        errcode = _errcode(answer)
        if errcode is None:
            return self._bad(_API_ODD, host=host, status=answer.status_code)
        if errcode:
            return Finding(False, explain(errcode, self.connection.connection_id, self.language))
        return self._good(good)

    def _good(self, words: Words, **values: Any) -> Finding:
        return Finding(True, self._said(words, values))

    def _bad(self, words: Words, **values: Any) -> Finding:
        return Finding(False, self._said(words, values))

    def _said(self, words: Words, values: dict[str, Any]) -> str:
        return words.in_(self.language).format(id=self.connection.connection_id, **values)


def _client(url: str) -> httpx.Client:
    # a proxy of the environment cannot reach this machine's own ports
    is_local = urlsplit(url).hostname in _LOOPBACK
    return httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=not is_local)


def _errcode(answer: httpx.Response) -> int | None:
    """None if it is no answer of WeCom's."""
    try:
        document = answer.json()
    except ValueError:
        return None
    errcode = document.get("errcode") if isinstance(document, dict) else None
    return errcode if isinstance(errcode, int) else None
