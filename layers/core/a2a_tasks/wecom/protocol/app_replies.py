"""Immediate replies of an application, as XML. https://developer.work.weixin.qq.com/document/path/90241"""

from a2a_tasks.wecom.protocol.app_messages import AppEvent, AppMessage
from a2a_tasks.wecom.protocol.text import fit
from a2a_tasks.wecom.protocol.xml_document import cdata

TEXT_BYTES = 2048


def text_reply(message: AppMessage | AppEvent, content: str, now: int) -> str:
    """A text for the message's sender, truncated to WeCom's limit; ``now`` is in Unix milliseconds."""
    return _reply(message, now, "text", f"<Content>{cdata(fit(content, TEXT_BYTES))}</Content>")


def button_reply(click: AppEvent, label: str, now: int) -> str:
    """Replaces the card's buttons by one without effect, labelled ``label``, for the user who clicked."""
    button = f"<Button><ReplaceName>{cdata(label)}</ReplaceName></Button>"
    return _reply(click, now, "update_button", button)


def _reply(message: AppMessage | AppEvent, now: int, kind: str, content: str) -> str:
    return (
        f"<xml><ToUserName>{cdata(message.user_id)}</ToUserName>"
        f"<FromUserName>{cdata(message.corp_id)}</FromUserName>"
        f"<CreateTime>{now // 1000}</CreateTime><MsgType>{cdata(kind)}</MsgType>{content}</xml>"
    )
