"""The double's configuration: an application, a bot, group robots, members, and limits."""

from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class App:
    """A self-built application. `callback_url` is empty until it is set."""

    corp_id: str = "wwdouble0000000001"
    agent_id: int = 1000002
    secret: str = "double-app-secret"  # noqa: S105  invented
    token: str = "doubleAppToken"  # noqa: S105
    encoding_aes_key: str = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY"
    callback_url: str = ""


@dataclass(frozen=True, slots=True)
class Bot:
    """An AI bot; `name` is what people write after the @. `callback_url` is empty until it is set."""

    bot_id: str = "aibDOUBLE0001"
    name: str = "Helper"
    token: str = "doubleBotToken"  # noqa: S105
    encoding_aes_key: str = "ZmVkY2JhWllYV1ZVVFNSUVBPTk1MS0pJSEdGRURDQkE"
    callback_url: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Times are in seconds. The limits are WeCom's; tests lower them.

    `departments` are those of members, by user id; members not listed are in the first.
    `max_deliveries`: how often a callback is sent in all, until it is answered with 200.
    """

    app: App = field(default_factory=App)
    bot: Bot = field(default_factory=Bot)
    members: tuple[str, ...] = ("LiLei", "HanMeimei", "WangWei")
    unlicensed: tuple[str, ...] = ()
    departments: dict[str, list[int]] = field(default_factory=dict)
    webhook_keys: tuple[str, ...] = ("double-webhook-key",)
    trusts_caller: bool = True
    answer_seconds: float = 5.0
    verification_seconds: float = 1.0
    max_deliveries: int = 3
    refresh_seconds: float = 1.0
    stream_seconds: float = 360.0
    exchanges_at_once: int = 3
    token_seconds: int = 7_200
    failures_before_block: int = 2_000
    member_messages_a_minute: int = 30
    member_messages_an_hour: int = 1_000
    calls_a_minute: int = 10_000
    calls_at_once: int = 1_000
    webhook_messages_a_minute: int = 20

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Settings as `PUT /_wecom/settings` accepts them; omitted ones have the defaults above. Raises
        TypeError."""
        parts = {"app": App(**record.get("app", {})), "bot": Bot(**record.get("bot", {}))}
        lists = {name: tuple(value) for name, value in record.items() if isinstance(value, list)}
        return cls(**record | parts | lists)
