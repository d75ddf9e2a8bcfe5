"""Callbacks of WeCom as events of API Gateway, for the double's bot and application."""

import json
import time
from typing import Any

from local.wecom.callbacks.envelope import Envelope
from local.wecom.settings import App, Bot
from tests.integration.support.wecom.gateway import callback_event

RESPONSE_URL = "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=c"


def to_bot(connection_id: str, message_id: str, **fields: Any) -> dict[str, Any]:
    """A message to the bot, or what ``fields`` make of it."""
    bot = Bot()
    message = {
        "msgid": message_id,
        "aibotid": bot.bot_id,
        "chattype": "single",
        "from": {"userid": "LiLei"},
        "response_url": RESPONSE_URL,
        "msgtype": "text",
        "text": {"content": "你好"},
    } | fields
    sealed = Envelope(bot.token, bot.encoding_aes_key, "").seal(json.dumps(message), _now())
    body = json.dumps({"encrypt": sealed.encrypt})
    return callback_event("POST", connection_id, sealed.query, body.encode())


def refresh(connection_id: str, stream_id: str) -> dict[str, Any]:
    """WeCom asks for a stream."""
    return to_bot(connection_id, "refresh", msgtype="stream", stream={"id": stream_id})


def to_app(connection_id: str, message_id: int) -> dict[str, Any]:
    """A message to the application."""
    app = App()
    message = (
        f"<xml><ToUserName>{app.corp_id}</ToUserName><FromUserName>LiLei</FromUserName>"
        f"<CreateTime>{_now() // 1000}</CreateTime><MsgType>text</MsgType><Content>你好</Content>"
        f"<MsgId>{message_id}</MsgId><AgentID>{app.agent_id}</AgentID></xml>"
    )
    sealed = Envelope(app.token, app.encoding_aes_key, app.corp_id).seal(message, _now())
    body = f"<xml><Encrypt>{sealed.encrypt}</Encrypt></xml>"
    return callback_event("POST", connection_id, sealed.query, body.encode())


def _now() -> int:
    return time.time_ns() // 1_000_000
