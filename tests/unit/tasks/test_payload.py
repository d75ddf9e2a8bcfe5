"""Payloads: small ones stay in the record, large ones go out, and neither comes back changed."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.task import Payload
from a2a_tasks.ports.payloads import PayloadCorrupt
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.payload import INLINE_BYTES
from tests.integration.support.texts import incompressible
from tests.twins.stores.payloads import MemoryPayloads

TEXT = incompressible(500)
COMMON = [chr(code) for code in range(0x4E00, 0x5E00)]
EMPTY = len('{"message":""}')


def test_the_limit_counts_bytes_not_characters() -> None:
    store = MemoryPayloads()
    just = payload.save(store, "t", "input", {"message": "a" * (INLINE_BYTES - EMPTY)})
    over = payload.save(store, "t", "input", {"message": "".join(random.sample(COMMON, 120))})
    assert just.key is None
    assert over.inline is None
    assert over.key == f"items/t/INPUT#{over.sha256}"
    assert payload.save(store, "t", "input", {"message": "a" * 4_000}).inline, "since it is packed to nothing"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (incompressible(300), "items/t/"),
        (incompressible(10_000), "items/t/"),
        (incompressible(12_000), "tasks/t/"),
        ("a" * 200_000, "tasks/t/"),
    ],
)
def test_what_is_large_when_it_is_compressed_is_an_object(text: str, place: str) -> None:
    saved = payload.save(MemoryPayloads(), "t", "input", {"message": text})
    assert saved.key
    assert saved.key.startswith(place)


def test_two_texts_never_have_one_place() -> None:
    """An output to which a task's end refers does not change, whatever is written after it."""
    store = MemoryPayloads()
    first, second = (payload.save(store, "t", "output-1", {"result": letter + TEXT}) for letter in "ab")
    assert payload.load(store, first) == {"result": "a" + TEXT}
    assert payload.load(store, second) == {"result": "b" + TEXT}


def test_what_is_written_once_in_an_item_of_its_own_stays_there() -> None:
    store = MemoryPayloads()
    assert payload.save_in_item(store, "t", "turn", {"content": "a" * 100_000}).inline
    assert payload.save_in_item(store, "t", "turn", {"content": incompressible(12_000)}).key


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 3_000))
def test_what_was_saved_is_loaded(text: str, times: int) -> None:
    store = MemoryPayloads()
    document = {"message": text * times, "context": {"n": [1, None, 2.5]}}
    saved = payload.save(store, "t", "input", document)
    assert payload.load(store, saved) == document
    if saved.key:
        assert json.loads(store.objects[saved.key]) == document


def test_a_changed_or_missing_text_is_noticed() -> None:
    store = MemoryPayloads()
    saved = payload.save(store, "t", "input", {"message": incompressible(12_000)})
    assert saved.key
    store.objects[saved.key] += b" "
    with pytest.raises(PayloadCorrupt, match="is not what was stored"):
        payload.load(store, saved)
    del store.objects[saved.key]
    with pytest.raises(PayloadCorrupt, match="is gone"):
        payload.load(store, saved)


def test_a_file_goes_out_whatever_its_size_and_comes_back_unchanged() -> None:
    store = MemoryPayloads()
    saved = payload.save_bytes(store, "t", "workspace-1.tar.gz", b"\x00\xff", "application/gzip")
    assert saved.key == "tasks/t/workspace-1.tar.gz"
    assert payload.load_bytes(store, saved) == b"\x00\xff"
    store.objects[saved.key] = b""
    with pytest.raises(PayloadCorrupt, match="is not what was stored"):
        payload.load_bytes(store, saved)


def test_no_text_is_an_empty_document() -> None:
    assert payload.load(MemoryPayloads(), Payload()) == {}
