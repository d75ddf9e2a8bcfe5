"""Authentication: a bearer key becomes its record, anything else becomes nothing."""

from dataclasses import replace

import pytest

from a2a_tasks.access.authentication import authenticate
from a2a_tasks.domain.access import api_key
from a2a_tasks.domain.access.api_key import ApiKey
from tests.twins.stores.registry import MemoryRegistry

NOW = 1_000_000
KEY_ID, KEY, SECRET_SHA256 = api_key.issue(bytes(range(42)))
STORED = ApiKey(KEY_ID, "demo", "laptop", SECRET_SHA256, created_at=0)


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry({KEY_ID: STORED})


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer {KEY}", f"  BEARER   {KEY} "])
def test_a_good_key_is_its_project(registry: MemoryRegistry, header: str) -> None:
    assert authenticate(registry, header, NOW) == STORED


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", KEY, f"Basic {KEY}", f"Bearer{KEY}", f"Bearer x {KEY}", "Bearer a2a_x_y"],
)
def test_what_is_no_bearer_key_is_nobody(registry: MemoryRegistry, header: str) -> None:
    assert authenticate(registry, header, NOW) is None


def test_a_malformed_key_costs_no_read() -> None:
    class Unread(MemoryRegistry):
        def key(self, key_id: str) -> ApiKey | None:
            raise AssertionError(f"{key_id} was looked up")

    assert authenticate(Unread(), "Bearer nonsense", NOW) is None


def test_wrong_secret_unknown_id_revoked_and_expired_are_all_nobody(registry: MemoryRegistry) -> None:
    wrong_secret = f"a2a_{KEY_ID}_{'A' * 43}"
    unknown = api_key.issue(bytes(42))[1]
    assert authenticate(registry, f"Bearer {wrong_secret}", NOW) is None
    assert authenticate(registry, f"Bearer {unknown}", NOW) is None
    registry.put_key(replace(STORED, revoked_at=NOW))
    assert authenticate(registry, f"Bearer {KEY}", NOW) is None
    registry.put_key(replace(STORED, expires_at=NOW))
    assert authenticate(registry, f"Bearer {KEY}", NOW) is None
    assert authenticate(registry, f"Bearer {KEY}", NOW - 1) is not None
