"""API keys: only a well-formed, stored, usable key with the right secret opens anything."""

import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.access import api_key
from a2a_tasks.domain.access.api_key import ApiKey

NOW = 1_000_000
RANDOM = bytes(range(42))


def stored(random: bytes = RANDOM) -> ApiKey:
    key_id, _, secret_sha256 = api_key.issue(random)
    return ApiKey(key_id, "demo", "laptop", secret_sha256, created_at=0)


@given(st.binary(min_size=42, max_size=42))
def test_an_issued_key_opens_its_own_record(random: bytes) -> None:
    key_id, text, secret_sha256 = api_key.issue(random)
    presented = api_key.parse(text)
    assert presented is not None
    assert presented.key_id == key_id
    assert api_key.matches(presented, stored(random), NOW)
    assert secret_sha256 == hashlib.sha256(presented.secret.encode()).hexdigest()
    assert presented.secret not in secret_sha256


def test_the_secret_carries_all_32_random_bytes() -> None:
    key_ids, texts, hashes = zip(
        *(api_key.issue(RANDOM[:n] + b"\xff" + RANDOM[n + 1 :]) for n in range(42)), strict=True
    )
    assert len(set(texts)) == 42
    assert len(set(hashes)) == 33  # ten of them differ in the id alone
    assert len(set(key_ids)) == 11


@given(st.binary(min_size=42, max_size=42), st.binary(min_size=42, max_size=42))
def test_another_secret_opens_nothing(random: bytes, other: bytes) -> None:
    presented = api_key.parse(api_key.issue(other)[1])
    assert presented is not None
    assert api_key.matches(presented, stored(random), NOW) == (random[10:] == other[10:])


GOOD = api_key.issue(RANDOM)[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a2a",
        "a2a__",
        GOOD[:-1],
        GOOD + "A",
        GOOD + "\n",
        " " + GOOD,
        GOOD.replace("a2a_", "a2b_", 1),
        GOOD.replace("a2a_", "A2A_", 1),
        GOOD.replace("_", "-", 1),
        GOOD[:4] + "1" + GOOD[5:],  # not in the base-32 alphabet
        GOOD[:4] + "A" + GOOD[5:],
        GOOD[:-1] + "+",
        GOOD[:-1] + "é",
        GOOD[:-1] + "\0",
    ],
)
def test_malformed_keys_are_no_keys(text: str) -> None:
    assert api_key.parse(text) is None


def test_a_key_is_usable_until_it_is_revoked_or_expires() -> None:
    key = stored()
    assert key.is_usable(NOW)
    assert not replace(key, revoked_at=NOW - 1).is_usable(NOW)
    assert not replace(key, revoked_at=NOW + 1).is_usable(NOW)
    assert replace(key, expires_at=NOW + 1).is_usable(NOW)
    assert not replace(key, expires_at=NOW).is_usable(NOW)


def test_an_unusable_or_missing_key_matches_nothing() -> None:
    presented = api_key.parse(GOOD)
    assert presented is not None
    assert not api_key.matches(presented, replace(stored(), revoked_at=1), NOW)
    assert not api_key.matches(presented, replace(stored(), expires_at=1), NOW)
    assert not api_key.matches(presented, None, NOW)


def test_the_same_comparison_is_made_whatever_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []

    def compare(left: str, right: str) -> bool:
        compared.append((len(left), len(right)))
        return genuine(left, right)

    genuine = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", compare)
    presented = api_key.parse(GOOD)
    assert presented is not None
    for key in (stored(), None, replace(stored(), revoked_at=1), stored(bytes(42))):
        api_key.matches(presented, key, NOW)
    assert compared == [(64, 64)] * 4
