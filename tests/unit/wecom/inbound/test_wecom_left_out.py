"""What of a message no agent can read: the question stands, and both are told what is missing."""

from typing import Any

import pytest

from a2a_tasks.wecom.protocol.bot_messages import BotContent, BotMedia, BotMixed, BotText, BotUnsupported
from tests.twins.deployment import agent
from tests.twins.model import answer, uses
from tests.unit.wecom.inbound.wecom_talk import KEY, Talk

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


def encrypted(content: bytes) -> bytes:
    """A file as WeCom stores it for a bot."""
    from cryptography.hazmat.primitives.padding import PKCS7

    padder = PKCS7(256).padder()
    encryptor = KEY._cipher().encryptor()
    return encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()


def read_by_agent(talk: Talk) -> list[dict[str, Any]]:
    talk.work()
    blocks: list[dict[str, Any]] = talk.deployment.model.requests[-1].messages[-1]["content"]
    return blocks


@pytest.mark.parametrize(
    ("quote", "note"),
    [
        (BotMedia("video", "https://x"), "引用的视频无法读取，未包含在内。"),
        (BotUnsupported("link"), "引用的链接无法读取，未包含在内。"),
        (BotUnsupported("markdown"), "引用的内容无法读取，未包含在内。"),
    ],
)
def test_a_quote_that_cannot_be_read_leaves_the_question(quote: BotContent, note: str) -> None:
    talk = Talk()
    talk.deployment.model.then(answer("这是答案。"))
    begun = talk.say("这是什么意思?", quote=quote)
    assert begun["content"] == f"> {note}\n\n已收到。"
    (block,) = read_by_agent(talk)
    assert block["text"] == f"这是什么意思?\n[{note}]"
    assert talk.refresh(begun["id"])["content"] == f"> {note}\n\n这是答案。"


@pytest.mark.parametrize("content", [b"PK\x03\x04\xff\xfe\xff", None])
def test_an_image_that_cannot_be_read_leaves_the_text_beside_it(content: bytes | None) -> None:
    talk = Talk()
    talk.files["https://good"] = encrypted(PNG)
    if content is not None:
        talk.files["https://bad"] = encrypted(content)
    begun = talk.say(
        BotMixed((BotText("看这两张图"), BotMedia("image", "https://bad"), BotMedia("image", "https://good")))
    )
    assert begun["content"].startswith("> 文件读取失败")
    assert not begun["finish"]
    first, note, image = read_by_agent(talk)
    assert (first["text"], image["type"]) == ("看这两张图", "image")
    assert note["text"].startswith("[文件读取失败")


def test_a_text_beside_a_sticker_is_asked() -> None:
    talk = Talk()
    begun = talk.say(BotMixed((BotText("你好"), BotUnsupported("sticker"))))
    assert begun["content"] == "> 消息中的内容无法读取，未包含在内。\n\n已收到。"


def test_files_alone_of_which_none_can_be_read_are_refused() -> None:
    talk = Talk()
    shown = talk.say(BotMixed((BotMedia("image", "https://a"), BotMedia("image", "https://b"))))
    assert (shown["content"], shown["finish"]) == ("文件读取失败，请重新发送。", True)
    assert talk.deployment.store.tasks == {}


def test_an_answer_whose_file_cannot_be_read_when_it_comes_again_is_one_answer() -> None:
    """WeCom delivers what was answered slowly once more, and the file's address may have expired by then."""
    talk = Talk()
    talk.deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    talk.deployment.model.then(uses(("ask_user", {"question": "Which one?"})), answer("Booked."))
    talk.say("Book.")
    talk.work()
    said = BotMixed((BotText("This one."), BotMedia("image", "https://good")))
    talk.files["https://good"] = encrypted(PNG)
    first = talk.say(said, message_id="m2")
    del talk.files["https://good"]
    assert talk.say(said, message_id="m2")["id"] == first["id"]
    talk.work()
    assert talk.refresh(first["id"])["content"] == "Booked."
    assert len(talk.deployment.store.tasks) == 1
