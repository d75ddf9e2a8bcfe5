"""The double is WeCom as far as that is known: it opens what others have sealed, and has WeCom's limits."""

import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from local.wecom.callbacks.envelope import Envelope, Sealed, Unreadable
from local.wecom.client import WeComClient
from local.wecom.settings import Settings
from tests.unit.wecom.protocol.wecom_vectors import VECTORS, Vector

CRYPTIC = ("signature", "padding", "receiveid", "length", "ciphertext_length", "base64", "encoding")


def opened(vector: Vector) -> str:
    envelope = Envelope(vector.key.token, vector.key.encoding_aes_key, vector.key.receive_id)
    query = vector.query
    return envelope.open(Sealed(vector.encrypted, query.signature, query.timestamp, query.nonce))


@pytest.mark.parametrize("vector", [v for v in VECTORS if not v.reasons], ids=lambda v: v.name)
def test_it_opens_what_others_have_sealed(vector: Vector) -> None:
    assert opened(vector) == vector.plaintext


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS if set(v.reasons) & set(CRYPTIC)], ids=lambda v: v.name
)
def test_it_opens_nothing_else(vector: Vector) -> None:
    with pytest.raises(Unreadable):
        opened(vector)


def test_what_it_seals_is_opened_by_the_product() -> None:
    now = 1_790_000_000_000
    for vector in VECTORS:
        key = vector.key
        sealed = Envelope(key.token, key.encoding_aes_key, key.receive_id).seal("中文 🚀", now)
        query = replace(
            vector.query, signature=sealed.signature, timestamp=sealed.timestamp, nonce=sealed.nonce
        )
        assert key.open(query, sealed.encrypt, now) == "中文 🚀"


def test_its_limits_are_wecoms() -> None:
    limits = Settings()
    assert (limits.answer_seconds, limits.verification_seconds, limits.max_deliveries) == (5, 1, 3)
    assert (limits.stream_seconds, limits.refresh_seconds, limits.exchanges_at_once) == (360, 1, 3)
    assert (limits.member_messages_a_minute, limits.member_messages_an_hour) == (30, 1_000)
    assert (limits.webhook_messages_a_minute, limits.token_seconds) == (20, 7_200)


def test_it_runs_as_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "local.wecom", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        WeComClient(address).check_health()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
