"""What the model is shown of a message's parts, and which parts are refused."""

import base64
import codecs
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.execution.model.turn import opening_of
from a2a_tasks.tasks import content
from a2a_tasks.tasks.content import IMAGES, MAX_PARTS, MAX_PARTS_BYTES, blocks_of, text_of
from tests.twins.deployment import Deployment, agent
from tests.twins.model import answer, uses

UNREADABLE, INVALID = ErrorCode.CONTENT_TYPE_NOT_SUPPORTED, ErrorCode.VALIDATION_ERROR
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
FILES = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(8),
    "image/gif": b"GIF89a" + bytes(8),
    "image/webp": b"RIFF\x0a\x00\x00\x00WEBPVP8 ",
    "application/pdf": b"%PDF-1.7\n",
}


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def raw(data: bytes, **more: str) -> dict[str, Any]:
    return {"raw": base64_of(data)} | more


def shown(part: dict[str, Any]) -> dict[str, Any]:
    (block,) = blocks_of([part])
    return block


def refusal(*parts: dict[str, Any]) -> RequestRefused:
    with pytest.raises(RequestRefused) as refused:
        content.check(parts)
    return refused.value


def test_texts_stay_texts_and_data_is_shown_as_json() -> None:
    parts: list[dict[str, Any]] = [
        {"text": "看这个"},
        {"text": "# Title", "mediaType": "text/markdown; charset=utf-8"},
        {"data": {"数": 42}, "metadata": {"unseen": True}},
        {"data": None},
    ]

    assert [block["text"] for block in blocks_of(parts)] == ["看这个", "# Title", '{\n "数": 42\n}', "null"]
    assert text_of(parts) == "看这个\n# Title"


@pytest.mark.parametrize("media_type", IMAGES)
def test_images_are_enclosed_or_linked(media_type: str) -> None:
    data = FILES[media_type]
    source = {"type": "base64", "media_type": media_type, "data": base64_of(data)}
    url = "https://example.com/picture"

    assert shown(raw(data, mediaType=media_type.upper())) == {"type": "image", "source": source}
    assert shown(raw(data)) == {"type": "image", "source": source}
    assert shown({"url": url, "mediaType": media_type}) == {
        "type": "image",
        "source": {"type": "url", "url": url},
    }


def test_pdfs_are_documents_with_their_names() -> None:
    data = FILES["application/pdf"]
    source = {"type": "base64", "media_type": "application/pdf", "data": base64_of(data)}
    url = "https://example.com/a.PDF?download"

    assert shown(raw(data, filename="a.pdf")) == {"type": "document", "source": source, "title": "a.pdf"}
    assert shown({"url": url}) == {"type": "document", "source": {"type": "url", "url": url}}


@pytest.mark.parametrize("media_type", ["text/csv", "application/json", "application/ld+json", None])
def test_text_files_are_documents(media_type: str | None) -> None:
    more = {"mediaType": media_type} if media_type else {}

    block = shown(raw('["数"]'.encode(), filename="x", **more))

    source = {"type": "text", "media_type": "text/plain", "data": '["数"]'}
    assert block == {"type": "document", "source": source, "title": "x"}


TABLE = "姓名,金额\n朱镕基,12\n"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (TABLE.encode("utf-8-sig"), "text/csv"),
        (TABLE.encode("utf-16"), "text/csv"),
        (codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"), "text/csv"),
        (TABLE.encode("gb18030"), "text/csv"),
        (TABLE.encode("gbk"), None),
        (TABLE.encode("gbk"), 'text/csv; header=present; charset="GBK"'),
        (TABLE.encode("utf-16-le"), "text/csv;charset=utf-16le"),
        (TABLE.encode("utf-8-sig"), "text/csv; charset=UTF8"),
    ],
)
def test_text_files_of_any_common_encoding_are_read(data: bytes, media_type: str | None) -> None:
    more = {"mediaType": media_type} if media_type else {}

    assert shown(raw(data, **more))["source"]["data"] == TABLE


@pytest.mark.parametrize(
    ("data", "media_type", "problem"),
    [
        ("Prix d\u2019un café: 3 €".encode("cp1252"), "text/plain", "is neither UTF-8, UTF-16 nor GB18030"),
        (bytes(range(1, 256)), "text/plain", "is neither UTF-8, UTF-16 nor GB18030"),
        (b"\x00\x01\xc4\xe3\xba\xc3", "text/plain", "is neither UTF-8, UTF-16 nor GB18030"),
        (b"\xff\xfea", "text/plain", "is not UTF-16 text"),
        (b"\xff", "text/plain; charset=utf-8", "is not UTF-8 text"),
        (b"x", "text/plain; charset=rot13", "has an unknown charset"),
        (b"x", "text/plain; charset=unicode_escape", "has an unknown charset"),
    ],
)
def test_bytes_that_are_no_text_are_not_taken_for_chinese(data: bytes, media_type: str, problem: str) -> None:
    error = refusal(raw(data, mediaType=media_type))

    assert (error.code, error.details[0]["field"]) == (INVALID, "parts[0].raw")
    assert problem in error.message
    assert "charset" in error.message


def test_of_a_link_to_something_unknown_the_address_is_shown() -> None:
    part = {"url": "https://example.com/page", "filename": "notes"}

    assert shown(part) == {"type": "text", "text": "File notes: https://example.com/page"}


@pytest.mark.parametrize(
    ("part", "field", "code"),
    [
        ({"text": "x", "mediaType": "video/mp4"}, "mediaType", UNREADABLE),
        (raw(b"x", mediaType="application/zip"), "mediaType", UNREADABLE),
        ({"url": "https://a.b/c", "mediaType": "text/plain"}, "mediaType", UNREADABLE),
        ({"url": "https://a.b/c", "mediaType": "audio/wav"}, "mediaType", UNREADABLE),
        ({"url": "http://a.b/c.png"}, "url", INVALID),
        ({"url": "file:///etc/passwd"}, "url", INVALID),
        ({"url": "https:///x"}, "url", INVALID),
        ({"url": "https://a.b/c d"}, "url", INVALID),
        ({"raw": "not base64!"}, "raw", INVALID),
        ({"raw": "a"}, "raw", INVALID),
        ({"raw": "数"}, "raw", INVALID),
        ({"raw": ""}, "raw", INVALID),
        (raw(PNG, mediaType="image/jpeg"), "raw", INVALID),
        (raw(b"no picture", mediaType="image/png"), "raw", INVALID),
        (raw(b"\xfe\xff"), "raw", INVALID),
    ],
)  # fmt: skip
def test_what_the_model_cannot_be_shown_is_refused_by_name(
    part: dict[str, Any], field: str, code: ErrorCode
) -> None:
    error = refusal({"text": "Look."}, part)

    assert error.code is code
    assert [detail["field"] for detail in error.details] == [f"parts[1].{field}"]


def test_empty_texts_are_left_out_and_a_message_without_anything_is_refused() -> None:
    parts = [{"text": " \n"}, {"text": "\u200b"}, {"text": "x"}]
    assert blocks_of(parts) == [{"type": "text", "text": "x"}]
    assert text_of(parts) == "x"
    assert refusal({"text": ""}).message == "parts[0].text: is blank; give a text or a file"


def test_a_blank_message_of_long_ago_is_no_block_beside_its_context() -> None:
    """One that was taken before blank ones were refused."""
    opening = opening_of({"message": " ", "context": {"n": 1}})
    assert [block["text"] for block in opening["content"]] == ['<context>\n{\n "n": 1\n}\n</context>']


def test_too_many_and_too_large_parts_are_refused() -> None:
    just_fits = MAX_PARTS_BYTES - len('[{"data":""}]')

    content.check([{"data": "x" * just_fits}])
    assert refusal({"data": "x" * (just_fits + 1)}).code is ErrorCode.PAYLOAD_TOO_LARGE
    content.check([{"text": "x"}] * MAX_PARTS)
    assert refusal(*[{"text": "x"}] * (MAX_PARTS + 1)).code is ErrorCode.VALIDATION_ERROR


@given(st.binary(min_size=1), st.booleans(), st.booleans())
def test_base64_is_taken_in_both_alphabets_with_and_without_padding(
    data: bytes, urlsafe: bool, padded: bool
) -> None:
    encoded = (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(PNG + data).decode()

    block = shown({"raw": encoded if padded else encoded.rstrip("="), "mediaType": "image/png"})

    assert base64.b64decode(block["source"]["data"]) == PNG + data


class TestOfATask:
    """The parts go with the task, to the model and back to the caller."""

    def test_the_model_is_shown_the_parts_after_the_context(self, deployment: Deployment) -> None:
        parts = ({"text": "What is this?"}, raw(PNG, mediaType="image/png"))
        task = deployment.submit(
            "What is this?", parts=parts, context={"a": 1}, envelope={"messageId": "m-1"}
        )

        deployment.work()

        (request,) = deployment.model.requests
        (opening,) = request.messages
        assert [block["type"] for block in opening["content"]] == ["text", "text", "image"]
        assert opening["content"][1:] == blocks_of(parts)
        stored = json.loads(deployment.now_of(task).input.inline or "")
        assert (stored["parts"], stored["envelope"]) == (list(parts), {"messageId": "m-1"})

    def test_a_message_that_is_only_a_file_is_taken(self, deployment: Deployment) -> None:
        deployment.submit("", parts=(raw(PNG),))

        deployment.work()

        assert deployment.model.requests[0].messages[0]["content"][0]["type"] == "image"

    def test_what_cannot_be_shown_is_not_accepted(self, deployment: Deployment) -> None:
        with pytest.raises(RequestRefused):
            deployment.submit("", parts=(raw(b"x", mediaType="application/zip"),))

        assert not deployment.store.tasks

    def test_an_answer_may_have_parts_too(self, deployment: Deployment) -> None:
        deployment.registry.apply(agent(allowed_tools=("ask_user",)))
        task = deployment.submit()
        deployment.model.then(uses(("ask_user", {"question": "Which one?"})), answer("That one."))
        deployment.work()

        parts = ({"text": "This:"}, raw(PNG))
        answerer = deployment.answerer()
        answerer.answer(deployment.now_of(task), "This:", parts=parts, envelope={"messageId": "m-2"})
        again = answerer.answer(deployment.now_of(task), "This:", parts=parts)
        with pytest.raises(RequestRefused):
            answerer.answer(deployment.now_of(task), "This:", parts=(parts[0], raw(FILES["image/gif"])))
        deployment.work()

        assert again.ref == task.ref
        (result,) = deployment.model.requests[-1].messages[-1]["content"]
        assert (result["type"], result["content"]) == ("tool_result", blocks_of(parts))
