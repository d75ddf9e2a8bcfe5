"""People who write to the bot and to the application; each method starts an exchange and returns it."""

import base64
from dataclasses import dataclass
from typing import Any

from local.wecom.client import WeComClient
from local.wecom.exchange import Exchange

Content = dict[str, Any]


def text(content: str) -> Content:
    return {"type": "text", "text": content}


def voice(said: str) -> Content:
    return {"type": "voice", "text": said}


def file(content: bytes, kind: str = "file") -> Content:
    """A `file`, an `image` or a `video`."""
    return {"type": kind, "base64": base64.b64encode(content).decode()}


def mixed(*items: Content) -> Content:
    """Texts and images together."""
    return {"type": "mixed", "items": list(items)}


@dataclass(frozen=True, slots=True)
class BotUser:
    """A user of the bot, in a direct conversation or, with a `chat_id`, in a group."""

    client: WeComClient
    user: str = "LiLei"
    chat_id: str = ""

    def say(self, content: str, **manner: Any) -> Exchange:
        """A text. `manner`: `quote` (a content), `copies`, `lose_answers`."""
        return self.send(text(content), **manner)

    def send(self, content: Content, **manner: Any) -> Exchange:
        """Any content. `manner` is as above."""
        return self._act("messages", content=content, **manner)

    def enter(self, **manner: Any) -> Exchange:
        """Open the conversation."""
        return self._act("entries", **manner)

    def click(self, event_key: str, task_id: str, **rest: Any) -> Exchange:
        """Click on a card's button. `rest`: `card_type`, `selected_items`."""
        click = {"card_type": "button_interaction", "event_key": event_key, "task_id": task_id} | rest
        return self._act("clicks", click=click)

    def press(self, card: dict[str, Any], text: str) -> Exchange:
        """Click the button with that text on a card that was shown."""
        (key,) = [button["key"] for button in card["button_list"] if button["text"] == text]
        return self.click(key, card["task_id"])

    def rate(self, answered: Exchange, opinion: int, **rest: Any) -> Exchange:
        """1: a good answer, 2: a bad one, 3: neither. `rest`: `content`, `inaccurate_reason_list`."""
        return self._act("ratings", exchange=answered.id, opinion={"type": opinion} | rest)

    def _act(self, action: str, **body: Any) -> Exchange:
        return self.client.act(f"bot/{action}", {"user": self.user, "chat_id": self.chat_id} | body)


@dataclass(frozen=True, slots=True)
class AppUser:
    """A user of the application. `manner`: `copies`, `lose_answers`."""

    client: WeComClient
    user: str = "LiLei"

    def say(self, content: str, **manner: Any) -> Exchange:
        """A text."""
        return self.send({"MsgType": "text", "Content": content}, **manner)

    def show(self, media_id: str, url: str, **manner: Any) -> Exchange:
        """An image."""
        return self.send({"MsgType": "image", "PicUrl": url, "MediaId": media_id}, **manner)

    def attach(self, content: bytes, kind: str = "image", name: str = "", **manner: Any) -> Exchange:
        """An image or a file that the application can fetch with `media/get`."""
        media = {"base64": base64.b64encode(content).decode(), "name": name}
        return self.send({"MsgType": kind}, media=media, **manner)

    def speak(self, media_id: str, **manner: Any) -> Exchange:
        """A voice message."""
        return self.send({"MsgType": "voice", "MediaId": media_id, "Format": "amr"}, **manner)

    def locate(self, latitude: str, longitude: str, label: str, **manner: Any) -> Exchange:
        """A location."""
        place = {"Location_X": latitude, "Location_Y": longitude, "Scale": 15, "Label": label}
        return self.send({"MsgType": "location"} | place, **manner)

    def link(self, title: str, url: str, **manner: Any) -> Exchange:
        """A link."""
        page = {"Title": title, "Description": title, "Url": url, "PicUrl": url}
        return self.send({"MsgType": "link"} | page, **manner)

    def cause(self, event: str, event_key: str = "", **manner: Any) -> Exchange:
        """An event: `enter_agent`, `click`, …"""
        return self.send({"MsgType": "event", "Event": event, "EventKey": event_key}, **manner)

    def click_card(self, event_key: str, task_id: str, response_code: str, **manner: Any) -> Exchange:
        """A click on a card's button; the code is from the response of `message/send`."""
        card = {"TaskId": task_id, "CardType": "button_interaction", "ResponseCode": response_code}
        event = {"MsgType": "event", "Event": "template_card_event", "EventKey": event_key}
        return self.send(event | card, **manner)

    def send(self, fields: dict[str, Any], **manner: Any) -> Exchange:
        """Any message, by its XML elements."""
        return self.client.act("app/messages", {"user": self.user, "fields": fields} | manner)
