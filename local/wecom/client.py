"""Controls a double from another thread or process: people, faults, and its records."""

import base64
import json
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from local.wecom.callbacks.verification import Verification
from local.wecom.exchange import Exchange
from local.wecom.faults import Fault
from local.wecom.record import ApiCall, Delivery
from local.wecom.settings import Settings

_WAIT_SECONDS = 30.0
_TIMEOUT_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A double's records since the start, the last reset or the last settings."""

    deliveries: list[Delivery]
    dropped: list[Delivery]
    calls: list[ApiCall]
    violations: list[str]

    def texts(self, to: str, via: str = "") -> list[str]:
        """What was delivered to a chat, by all channels or by one."""
        return [one.text for one in self.deliveries if one.to == to and via in ("", one.via)]


class WeComClient:
    """The routes under `/_wecom/` of the double at `base_url`; the API is at `api_url`.

    Every method raises OSError if the double is unreachable, and LookupError if it refuses.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.api_url = f"{self.base_url}/cgi-bin"

    def settings(self) -> Settings:
        """The current settings."""
        return Settings.from_json(self._fetch("GET", "settings"))

    def use(self, settings: Settings) -> None:
        """Forget everything, and apply these settings."""
        self._fetch("POST", "settings", asdict(settings))

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._fetch("POST", "reset")

    def check_health(self) -> None:
        """Returns if the double answers."""
        self._fetch("GET", "health")

    def seen(self) -> Seen:
        """The records."""
        record = self._fetch("GET", "record")
        return Seen(
            [Delivery(**delivery) for delivery in record["deliveries"]],
            [Delivery(**delivery) for delivery in record["dropped"]],
            [ApiCall(**call) for call in record["calls"]],
            record["violations"],
        )

    def uploaded(self, media_id: str) -> bytes:
        """The content of an upload."""
        return base64.b64decode(self._fetch("GET", f"uploads/{media_id}")["content"])

    def plan(self, endpoint: str, fault: Fault, times: int = 1) -> None:
        """Plan faults for the next calls of an endpoint (`message/send`)."""
        self._fetch("POST", "faults", asdict(fault) | {"endpoint": endpoint, "times": times})

    def revoke_token(self) -> None:
        """Revoke the access token before it expires."""
        self._fetch("POST", "tokens/revoke")

    def advance(self, seconds: float) -> None:
        """Advance the double's clock."""
        self._fetch("POST", "clock/advance", {"seconds": seconds})

    def verify_bot_url(self) -> Verification:
        """Do what happens when an administrator saves the bot's URL."""
        return Verification(**self._fetch("POST", "bot/verification"))

    def verify_app_url(self) -> Verification:
        """The same for the application."""
        return Verification(**self._fetch("POST", "app/verification"))

    def exchanges(self) -> list[Exchange]:
        """All exchanges, oldest first."""
        return [Exchange.from_json(record) for record in self._fetch("GET", "exchanges")["exchanges"]]

    def exchange(self, exchange_id: str, wait: float = 0.0) -> Exchange:
        """One exchange, once it has ended or after `wait` seconds."""
        return Exchange.from_json(self._fetch("GET", f"exchanges/{exchange_id}?wait={wait}"))

    def ended(self, exchange: Exchange) -> Exchange:
        """The same once it has ended. Raises TimeoutError after half a minute of real time."""
        after = self.exchange(exchange.id, _WAIT_SECONDS)
        if after.ended_at is None:
            raise TimeoutError(f"the exchange {exchange.id} goes on")
        return after

    def act(self, path: str, body: dict[str, Any]) -> Exchange:
        """An action of a person."""
        return Exchange.from_json(self._fetch("POST", path, body))

    def _fetch(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        url = urlsplit(self.base_url)
        # http.client on purpose: urllib would send requests for 127.0.0.1 through a configured proxy.
        connection = HTTPConnection(url.hostname or "", url.port, timeout=_TIMEOUT_SECONDS)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, f"/_wecom/{path}", payload, {"Connection": "close"})
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise LookupError(answer["error"])
        return answer
