"""Task ids: UUIDv7 as RFC 9562 lays it out, sorted by time, spread over the shards."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain import ids

MILLISECONDS = st.integers(0, 2**48 - 1)
RANDOM = st.binary(min_size=10, max_size=10)


@given(MILLISECONDS, RANDOM)
def test_a_task_id_is_a_canonical_uuid_of_version_7(now: int, random: bytes) -> None:
    text = ids.task_id(now, random)
    assert ids.is_task_id(text)
    assert uuid.UUID(text).version == 7
    assert uuid.UUID(text).variant == uuid.RFC_4122
    assert ids.created_ms(text) == now


def test_the_layout_is_that_of_the_rfc() -> None:
    # the example of RFC 9562, appendix A.6
    random = (0xCC3 << 62 | 0x18C4DC0C0C07398F).to_bytes(10)
    assert ids.task_id(0x017F22E279B0, random) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(MILLISECONDS, MILLISECONDS, RANDOM, RANDOM)
def test_ids_sort_by_the_time_they_were_made(first: int, second: int, one: bytes, other: bytes) -> None:
    if first < second:
        assert ids.task_id(first, one) < ids.task_id(second, other)
        assert ids.task_id(first, one) < ids.oldest_task_id(second)
    assert ids.oldest_task_id(first) <= ids.task_id(first, one)


@given(RANDOM, RANDOM)
def test_every_random_bit_counts(one: bytes, other: bytes) -> None:
    kept = 2**74 - 1  # 12 bits of rand_a and 62 of rand_b
    same = int.from_bytes(one) & kept == int.from_bytes(other) & kept
    assert (ids.task_id(1, one) == ids.task_id(1, other)) == same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
        "017f22e279b07cc398c4dc0c0c07398f",
        "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
        "urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n",
        "../017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    ],
)
def test_other_spellings_are_no_task_ids(text: str) -> None:
    assert not ids.is_task_id(text)


@pytest.mark.parametrize("text", ["a", "9", "report-writer", "a_b-c", "a" * 64])
def test_agent_ids(text: str) -> None:
    assert ids.AGENT_ID.fullmatch(text)


@pytest.mark.parametrize("text", ["", "A", "-a", "a-", "_a", "a_", "a" * 65, "a b", "a/b", "a\n", "é", "a#b"])
def test_no_agent_ids(text: str) -> None:
    assert not ids.AGENT_ID.fullmatch(text)


def test_shards_are_stable_and_all_used() -> None:
    assert ids.shard("017f22e2-79b0-7cc3-98c4-dc0c0c07398f") == 17
    made = [ids.task_id(1_000 + n, n.to_bytes(10)) for n in range(3_200)]
    per_shard = [sum(ids.shard(i) == number for i in made) for number in range(ids.SHARDS)]
    assert sum(per_shard) == 3_200
    assert min(per_shard) > 50
