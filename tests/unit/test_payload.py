"""Payloads: small ones stay in the record, large ones go out, and neither comes back changed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.task import Payload
from a2a_tasks.ports.payloads import PayloadCorrupt
from a2a_tasks.services import payload
from a2a_tasks.services.payload import INLINE_BYTES
from tests.twins.payloads import MemoryPayloads

EMPTY = len('{"message":""}')


def test_the_limit_counts_bytes_not_characters() -> None:
    store = MemoryPayloads()
    just = payload.save(store, "t", "input", {"message": "a" * (INLINE_BYTES - EMPTY)})
    over = payload.save(store, "t", "input", {"message": "字" * (INLINE_BYTES // 3)})
    assert just.key is None
    assert over.inline is None
    assert list(store.objects) == ["tasks/t/input.json"]


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
    saved = payload.save(store, "t", "input", {"message": "a" * INLINE_BYTES})
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
