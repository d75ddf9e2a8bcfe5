"""Contents of messages to a bot. https://developer.work.weixin.qq.com/document/path/100719"""

import base64
from collections.abc import Callable
from typing import Any

from local.wecom.errors import ControlError

KeepFile = Callable[[bytes], str]
_ALONE_ONLY = ("image", "voice", "file", "video")


def content_json(content: dict[str, Any], mention: str, keep: KeepFile) -> dict[str, Any]:
    """The part of a callback with the content.

    `content` is `{"type": "text", "text"}`, `voice` the same, `image`, `file` and `video` with `base64`,
    `mixed` with `items`. Files are passed to `keep`, which returns their URLs.
    `mention` is the beginning of a group message's text; empty in a direct conversation with the bot.
    Raises ControlError.
    """
    kind = content.get("type")
    if mention and kind in _ALONE_ONLY:
        raise ControlError(400, f"in a group nobody can send {kind} to a bot")
    try:
        match kind:
            case "text":
                return {"msgtype": "text", "text": {"content": mention + content["text"]}}
            case "voice":
                return {"msgtype": "voice", "voice": {"content": content["text"]}}
            case "image" | "file" | "video":
                return {"msgtype": kind, kind: {"url": keep(base64.b64decode(content["base64"]))}}
            case "mixed":
                items = [content_json(item, "", keep) for item in content["items"]]
                if mention:
                    items.insert(0, {"msgtype": "text", "text": {"content": mention}})
                return {"msgtype": "mixed", "mixed": {"msg_item": items}}
    except (KeyError, TypeError, ValueError) as error:
        raise ControlError(400, f"content: {error!r}") from error
    raise ControlError(400, f"content.type: there is no {kind!r}")
