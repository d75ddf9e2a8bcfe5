"""Signatures: as the scheme's own library verifies them, also while a secret is being rotated."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from a2a_tasks.domain.webhooks.secret import InvalidSecret, WebhookSecret, fingerprint, signed_headers

NOW = 1_767_225_600_000
FIRST, SECOND, THIRD = (bytes([n]) * 32 for n in (1, 2, 3))
BODY = '{"statusUpdate":{"taskId":"a","status":{"state":"完成"}}}'.encode()


def is_verified(
    receivers_secret: str, signing: WebhookSecret, body: bytes = BODY, sent: bytes | None = None
) -> bool:
    headers = dict(signed_headers(signing.live, "msg_1", int(time.time()), body))
    try:
        Webhook(receivers_secret).verify(body if sent is None else sent, headers)
    except WebhookVerificationError:
        return False
    return True


@given(st.binary(min_size=32, max_size=32), st.dictionaries(st.text(), st.integers() | st.text()))
def test_the_library_verifies_what_is_signed(random: bytes, document: dict[str, object]) -> None:
    secret = WebhookSecret.new(random, NOW)
    assert is_verified(secret.current, secret, json.dumps(document).encode())


def test_a_signature_is_for_one_body_id_and_moment() -> None:
    secret = WebhookSecret.new(FIRST, NOW)
    assert not is_verified(secret.current, secret, sent=BODY + b" ")
    signatures = {
        dict(signed_headers(secret.live, message_id, timestamp, body))["webhook-signature"]
        for message_id, timestamp, body in [
            ("msg_1", 1, b"a"),
            ("msg_2", 1, b"a"),
            ("msg_1", 2, b"a"),
            ("msg_1", 1, b"b"),
        ]
    }
    assert len(signatures) == 4


def test_while_it_is_rotated_both_verify_and_then_the_new_one_alone() -> None:
    old = WebhookSecret.new(FIRST, NOW)
    both = old.rotated(SECOND, NOW + 1_000)
    assert is_verified(old.current, both)
    assert is_verified(both.current, both)
    assert both.live == (both.current, old.current)

    new = both.retired()
    assert is_verified(both.current, new)
    assert not is_verified(old.current, new)
    assert new.rotated_at == both.rotated_at == "2026-01-01T00:00:01.000Z"


def test_rotated_twice_only_two_are_live() -> None:
    old = WebhookSecret.new(FIRST, NOW)
    twice = old.rotated(SECOND, NOW).rotated(THIRD, NOW)
    assert len(twice.live) == 2
    assert not is_verified(old.current, twice)


def test_another_projects_secret_verifies_nothing() -> None:
    assert not is_verified(WebhookSecret.new(SECOND, NOW).current, WebhookSecret.new(FIRST, NOW))


def test_it_is_kept_as_json_and_read_again() -> None:
    secret = WebhookSecret.new(FIRST, NOW)
    for kept in (secret, secret.rotated(SECOND, NOW)):
        assert WebhookSecret.from_json(kept.to_json()) == kept
    assert json.loads(secret.to_json()).keys() == {"current", "rotatedAt"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_AAAA",
        "[]",
        "null",
        "{}",
        '{"current": null}',
        '{"current": 5}',
        '{"current": "whsec_AAAA"}',
        '{"current": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}',
        '{"current": "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", "previous": "x"}',
        '{"current": "whsec_ÄQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}',
    ],
)
def test_anything_else_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidSecret) as raised:
        WebhookSecret.from_json(text)
    assert str(raised.value) == "not a signing secret as a2actl keeps it"
    assert raised.value.__cause__ is None


def test_no_secret_is_in_its_representation() -> None:
    secret = WebhookSecret.new(FIRST, NOW).rotated(SECOND, NOW)
    assert not any(live in repr(secret) or live[6:20] in repr(secret) for live in secret.live)
    assert fingerprint(secret.current) not in secret.current
    assert fingerprint(secret.current) != fingerprint(secret.previous or "")
