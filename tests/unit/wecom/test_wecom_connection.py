"""Connections: their secrets, their keys, and who may write to them."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.adapters.wecom.cached_departments import CachedDepartments
from a2a_tasks.wecom.connection import (
    KEY_RANDOM_BYTES,
    Connection,
    ConnectionKind,
    ConnectionSecrets,
    new_keys,
)
from a2a_tasks.wecom.protocol.callback_keys import callback_keys
from a2a_tasks.wecom.protocol.crypto import CallbackQuery, open_with
from a2a_tasks.wecom.users import is_admitted, needs_departments
from tests.twins.clock import FakeClock

AES_KEY, OLD_AES_KEY = (
    "Zk3mQ9vT7xYbR2nLcW5dHsJ8pA1gUeF6oKtXiVyBhMr",
    "r8WqL2xNfT5yKdP7mJcV3bH9gZsA6uEoXiR4tYvQn1D",
)
ROTATED = ConnectionSecrets("new", AES_KEY, "old", OLD_AES_KEY)
NOW = 1_790_000_002_000
RANDOM = bytes(16)


def bot(**changes: object) -> Connection:
    given = {"agent_id": "assistant", "bot_id": "aib1"} | changes
    return Connection("helper", "demo", ConnectionKind.BOT, "arn", 1, **given)  # type: ignore[arg-type]


def app(**changes: object) -> Connection:
    given = {"agent_id": "assistant", "corp_id": "ww0123456789abcdef", "app_id": "1000002"} | changes
    return Connection("desk", "demo", ConnectionKind.APP, "arn", 1, **given)  # type: ignore[arg-type]


@given(st.builds(ConnectionSecrets, *[st.none() | st.text(min_size=1)] * len(fields(ConnectionSecrets))))
def test_secrets_come_back_as_they_were_kept(secrets: ConnectionSecrets) -> None:
    assert ConnectionSecrets.from_named(secrets.to_named()) == secrets


def test_an_empty_secret_is_none() -> None:
    assert ConnectionSecrets.from_named({"token": "", "later": "x"}) == ConnectionSecrets()


@pytest.mark.parametrize("named", [None, [], "text", {"token": 7}, {"corpSecret": ["in_flight"]}])
def test_what_is_no_set_of_secrets_is_refused_and_not_told(named: object) -> None:
    with pytest.raises(ValueError, match="the secrets of a connection must be ") as raised:
        ConnectionSecrets.from_named(named)
    assert "hidden" not in str(raised.value)


def test_no_secret_is_printed() -> None:
    everything = ConnectionSecrets(*(f"hidden{n}" for n in range(len(fields(ConnectionSecrets)))))
    assert "hidden" not in repr(everything)
    assert len(everything.to_named()) == len(fields(ConnectionSecrets))


def test_after_a_rotation_both_keys_open_until_the_old_one_is_retired() -> None:
    keys = callback_keys(bot(), ROTATED)
    assert [(key.token, key.encoding_aes_key, key.receive_id) for key in keys] == [
        ("new", AES_KEY, ""),
        ("old", OLD_AES_KEY, ""),
    ]
    encrypted = keys[1].encrypt("hello", RANDOM)
    query = CallbackQuery(keys[1].sign("1790000002", "n", encrypted), "1790000002", "n")
    assert open_with(keys, query, encrypted, NOW).key == keys[1]
    retired = callback_keys(bot(), ConnectionSecrets("new", AES_KEY))
    assert retired == keys[:1]


def test_an_application_s_messages_are_for_its_corp() -> None:
    assert [key.receive_id for key in callback_keys(app(), ROTATED)] == ["ww0123456789abcdef"] * 2


def test_a_group_s_robot_has_no_callback_keys() -> None:
    assert callback_keys(bot(), ConnectionSecrets(webhook_key="key")) == ()


@pytest.mark.parametrize("half", [ConnectionSecrets("new"), ConnectionSecrets(aes_key=AES_KEY)])
def test_half_a_key_is_none(half: ConnectionSecrets) -> None:
    assert callback_keys(bot(), half) == ()


def test_without_a_list_everybody_may_write() -> None:
    assert is_admitted(bot(), "anybody")
    assert not needs_departments(bot(), "anybody")


def test_listed_people_may_write_in_upper_or_lower_case() -> None:
    listed = bot(allowed_users=frozenset({"LiLei", "han"}))
    assert [is_admitted(listed, user) for user in ("lilei", "LILEI", "Han", "hans", "")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert not needs_departments(listed, "hans")


def test_people_of_listed_departments_may_write_beside_those_who_are_listed() -> None:
    listed = app(allowed_users=frozenset({"LiLei"}), allowed_departments=frozenset({2, 7}))
    assert is_admitted(listed, "lilei")
    assert not needs_departments(listed, "lilei")
    assert needs_departments(listed, "wang")
    assert is_admitted(listed, "wang", {7, 9})
    assert not is_admitted(listed, "wang", {1})
    assert not is_admitted(listed, "wang")


@given(st.binary(min_size=KEY_RANDOM_BYTES, max_size=KEY_RANDOM_BYTES))
def test_new_keys_are_letters_and_digits_of_which_a_key_can_be_made(random: bytes) -> None:
    token, aes_key = new_keys(random)
    assert (len(token), len(aes_key)) == (32, 43)
    assert (token + aes_key).isascii()
    assert (token + aes_key).isalnum()
    [key] = callback_keys(bot(), ConnectionSecrets(token, aes_key))
    encrypted = key.encrypt("你好", RANDOM)
    assert open_with(
        [key], CallbackQuery(key.sign("1790000002", "n", encrypted), "1790000002", "n"), encrypted, NOW
    )


def test_new_keys_differ_in_all_that_they_are_made_of() -> None:
    made = [new_keys(bytes([n]) * KEY_RANDOM_BYTES) for n in range(1, 50)]
    assert len({token for token, _ in made}) == len({key for _, key in made}) == len(made)
    assert new_keys(bytes(KEY_RANDOM_BYTES - 1) + b"\1") != new_keys(bytes(KEY_RANDOM_BYTES))


def test_a_rotation_keeps_all_other_secrets() -> None:
    before = ConnectionSecrets("old", OLD_AES_KEY, corp_secret="corp")
    assert before.rotated("new", AES_KEY) == ConnectionSecrets("new", AES_KEY, "old", OLD_AES_KEY, "corp")
    assert before.rotated("new", AES_KEY).retired() == ConnectionSecrets("new", AES_KEY, corp_secret="corp")


class Directory:
    """Who is in which department, and how often somebody asked."""

    def __init__(self, **departments: set[int]) -> None:
        self.of = departments
        self.asked: list[str] = []

    def departments(self, connection: Connection, user_id: str) -> frozenset[int]:
        self.asked.append(f"{connection.connection_id} {user_id}")
        if user_id == "nobody-knows":
            raise TimeoutError
        return frozenset(self.of.get(user_id, ()))


LISTED = app(allowed_users=frozenset({"LiLei"}), allowed_departments=frozenset({2}))


def test_departments_are_kept_for_an_hour_also_where_there_are_none() -> None:
    clock, directory = FakeClock(), Directory(han={2})
    kept = CachedDepartments(directory, clock)
    for user in ("han", "HAN", "wang"):
        kept.departments(LISTED, user)
    directory.of = {}
    clock.advance(3_599)
    assert (kept.departments(LISTED, "Han"), kept.departments(LISTED, "wang")) == (
        frozenset({2}),
        frozenset(),
    )
    assert directory.asked == ["desk han", "desk wang"]
    clock.advance(1)
    assert kept.departments(LISTED, "han") == set()


def test_a_failed_look_at_departments_is_not_kept() -> None:
    directory = Directory()
    kept = CachedDepartments(directory, FakeClock())
    for _ in range(2):
        with pytest.raises(TimeoutError):
            kept.departments(LISTED, "nobody-knows")
    assert len(directory.asked) == 2
