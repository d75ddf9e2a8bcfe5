"""Images of a result, within the last frame of a bot's stream."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from a2a_tasks.ports.errors import PayloadUnavailable
from a2a_tasks.wecom.result_texts import IMAGE_BYTES, IMAGES_BYTES
from tests.twins.deployment import agent
from tests.twins.model import answer, uses
from tests.unit.wecom.inbound.wecom_talk import Talk

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"


def image(size: int, signature: bytes = PNG) -> bytes:
    return signature + bytes(size - len(signature))


def answered(talk: Talk, files: Mapping[str, bytes], media_type: str = "image/png") -> str:
    """The id of a stream whose task has saved these files."""
    talk.deployment.registry.apply(agent(allowed_tools=("save_artifact",)))
    calls = [
        ("save_artifact", {"name": name, "media_type": media_type, "base64": base64.b64encode(data).decode()})
        for name, data in files.items()
    ]
    talk.deployment.model.then(uses(*calls), answer("Two charts."))
    stream_id: str = talk.say("draw")["id"]
    talk.work()
    return stream_id


def shown(stream: Mapping[str, Any]) -> list[bytes]:
    return [base64.b64decode(item["image"]["base64"]) for item in stream.get("msg_item", ())]


def test_the_last_frame_has_the_images_and_so_has_its_repetition() -> None:
    talk = Talk()
    stream_id = answered(talk, {"a.png": image(100), "b.jpg": image(50, JPEG)})

    frames = [talk.refresh(stream_id) for _ in range(2)]

    assert [shown(frame) for frame in frames] == [[image(100), image(50, JPEG)]] * 2
    assert frames[0]["finish"]
    assert "[a.png](https://" in frames[0]["content"]  # an older client shows the link alone


@pytest.mark.parametrize(
    ("files", "media_type", "expected"),
    [
        ({"a.png": image(IMAGE_BYTES), "b.png": image(IMAGE_BYTES + 1)}, "image/png", 1),
        ({f"{n}.png": image(IMAGE_BYTES) for n in range(5)}, "image/png", IMAGES_BYTES // IMAGE_BYTES),
        ({f"{n}.png": image(100) for n in range(12)}, "image/png", 10),
        ({"a.png": b"no image at all"}, "image/png", 0),
        ({"a.png": image(100)}, "application/octet-stream", 0),
    ],
    ids=["large", "together", "many", "none", "other"],
)
def test_only_what_wecom_shows_is_in_it_and_links_lead_to_the_rest(
    files: Mapping[str, bytes], media_type: str, expected: int
) -> None:
    talk = Talk()

    frame = talk.refresh(answered(talk, files, media_type))

    assert len(shown(frame)) == expected
    assert all(f"[{name}](https://" in frame["content"] for name in files)


def test_an_image_that_was_cleaned_up_is_left_out() -> None:
    talk = Talk()
    stream_id = answered(talk, {"a.png": image(100)})
    for key in [key for key in talk.deployment.payloads.objects if "artifact" in key]:
        del talk.deployment.payloads.objects[key]

    assert shown(talk.refresh(stream_id)) == []


def test_an_image_that_cannot_be_read_now_is_shown_by_the_next_refresh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talk = Talk()
    stream_id = answered(talk, {"a.png": image(100)})
    read = talk.deployment.payloads.get

    def broken(key: str) -> bytes:
        if "artifact" in key:
            raise PayloadUnavailable("no answer")
        return read(key)

    with monkeypatch.context() as patch:
        patch.setattr(talk.deployment.payloads, "get", broken)
        with pytest.raises(PayloadUnavailable):
            talk.refresh(stream_id)

    assert shown(talk.refresh(stream_id)) == [image(100)]
