"""WeCom's envelope: what other programs have sealed is opened, anything else refused for the right reason."""

import base64
import hashlib
import subprocess
import sys
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.wecom.protocol.app_callback import receive_app_message, verify_url
from a2a_tasks.wecom.protocol.bot_callback import receive_bot_message
from a2a_tasks.wecom.protocol.crypto import CallbackKey, CallbackQuery, open_with
from a2a_tasks.wecom.protocol.refusal import CallbackRefused, RefusalReason
from tests.unit.wecom.protocol.wecom_vectors import VECTORS, Vector, vector

NOW = 1_790_000_002_000
SECONDS = "1790000000"
RANDOM = bytes(range(16))
KEY = CallbackKey("token", "Zk3mQ9vT7xYbR2nLcW5dHsJ8pA1gUeF6oKtXiVyBhMr", "wwtest0123456789ab")
OLD_KEY = CallbackKey("old token", "r8WqL2xNfT5yKdP7mJcV3bH9gZsA6uEoXiR4tYvQn1D", "wwtest0123456789ab")

encoded_keys = st.binary(min_size=32, max_size=32).map(lambda key: base64.b64encode(key).decode()[:43])


def receive(vector: Vector) -> str:
    """What a vector's request is opened to, as a callback of its kind."""
    if vector.kind.endswith("url_verify"):
        return verify_url([vector.key], vector.query, vector.now).message
    if vector.kind == "app_message":
        agent_id = vector.parsed.get("AgentID", "1000002")
        receive_app_message([vector.key], agent_id, vector.query, vector.body, vector.now)
    if vector.kind == "aibot_message":
        receive_bot_message([vector.key], "aibTEST0001", vector.query, vector.body, vector.now)
    return vector.key.open(vector.query, vector.encrypted, vector.now)


def signed(
    encrypted: str, key: CallbackKey = KEY, timestamp: str = SECONDS, nonce: str = "n"
) -> CallbackQuery:
    return CallbackQuery(key.sign(timestamp, nonce, encrypted), timestamp, nonce)


def sealed(plain: bytes, padding: bytes | None = None, key: CallbackKey = KEY) -> str:
    """Encrypts whatever it is given, padded as WeCom does unless told otherwise."""
    if padding is None:
        count = 32 - len(plain) % 32
        padding = bytes([count]) * count
    secret = base64.b64decode(key.encoding_aes_key + "=")
    encryptor = Cipher(AES256(secret), CBC(secret[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain + padding) + encryptor.finalize()).decode()


def refusal(query: CallbackQuery, encrypted: str, now: int = NOW, key: CallbackKey = KEY) -> RefusalReason:
    with pytest.raises(CallbackRefused) as caught:
        key.open(query, encrypted, now)
    return caught.value.reason


@pytest.mark.parametrize("vector", [v for v in VECTORS if not v.reasons], ids=lambda v: v.name)
def test_what_others_have_sealed_is_opened(vector: Vector) -> None:
    assert receive(vector) == vector.plaintext


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.reasons], ids=lambda v: v.name)
def test_what_is_wrong_is_refused_for_the_first_check_that_fails(vector: Vector) -> None:
    with pytest.raises(CallbackRefused) as caught:
        receive(vector)

    assert str(caught.value) in vector.reasons


@given(
    st.text(),
    encoded_keys,
    st.text(alphabet="abcw0123456789", max_size=40),
    st.binary(min_size=16, max_size=16),
)
def test_what_is_sealed_here_is_opened_here(
    message: str, encoded_key: str, receive_id: str, random: bytes
) -> None:
    key = CallbackKey("token", encoded_key, receive_id)
    encrypted = key.encrypt(message, random)

    assert key.open(signed(encrypted, key), encrypted, NOW) == message


def test_it_seals_byte_by_byte_what_the_reference_seals() -> None:
    reference = vector("app_text_zh_emoji")
    random = bytes.fromhex("6dd9fa26f3e7ff3f8eedeac144589516")

    assert reference.plaintext is not None
    assert reference.key.encrypt(reference.plaintext, random) == reference.encrypted


@given(st.integers(min_value=0, max_value=40))
def test_padding_goes_up_to_32(length: int) -> None:
    encrypted = KEY.encrypt("x" * length, RANDOM)

    assert len(base64.b64decode(encrypted)) % 32 == 0
    assert KEY.open(signed(encrypted), encrypted, NOW) == "x" * length


@given(st.data())
def test_a_request_with_any_bit_changed_is_refused(data: st.DataObject) -> None:
    encrypted = KEY.encrypt("hello", RANDOM)
    query = signed(encrypted)
    name = data.draw(st.sampled_from(["signature", "timestamp", "nonce", "encrypted"]))
    value = encrypted if name == "encrypted" else getattr(query, name)
    position = data.draw(st.integers(min_value=0, max_value=len(value) - 1))
    other = data.draw(st.characters().filter(lambda character: character != value[position]))
    changed = value[:position] + other + value[position + 1 :]

    assert (
        refusal(query, changed)
        if name == "encrypted"
        else refusal(replace(query, **{name: changed}), encrypted)
    ) is RefusalReason.SIGNATURE


def test_a_missing_field_fits_no_signature() -> None:
    query = CallbackQuery.from_parameters({"timestamp": SECONDS})

    assert refusal(query, "") is RefusalReason.SIGNATURE


@pytest.mark.parametrize("away_ms", [-300_000, 300_000])
def test_a_timestamp_may_be_five_minutes_away(away_ms: int) -> None:
    encrypted = KEY.encrypt("hello", RANDOM)
    sent_at = int(SECONDS) * 1000

    assert KEY.open(signed(encrypted), encrypted, sent_at + away_ms) == "hello"
    beyond = sent_at + away_ms + (1 if away_ms > 0 else -1)
    assert refusal(signed(encrypted), encrypted, beyond) is RefusalReason.TIMESTAMP


@pytest.mark.parametrize(
    "timestamp", ["", "-1790000000", "1790000000.0", "１７９００００００００", "1" * 5000]
)
def test_a_timestamp_is_a_number(timestamp: str) -> None:
    encrypted = KEY.encrypt("hello", RANDOM)

    assert refusal(signed(encrypted, timestamp=timestamp), encrypted) is RefusalReason.TIMESTAMP


def test_an_exchange_of_timestamp_and_nonce_keeps_the_signature() -> None:
    """Why the time inside is checked as well."""
    encrypted = KEY.encrypt("hello", RANDOM)
    query = signed(encrypted, nonce="1790400000")
    exchanged = CallbackQuery(query.signature, query.nonce, query.timestamp)

    assert KEY.open(exchanged, encrypted, 1_790_400_000_000) == "hello"


LENGTH = len("hello").to_bytes(4)


@pytest.mark.parametrize(
    ("plain", "reason"),
    [
        (b"", RefusalReason.LENGTH),
        (RANDOM, RefusalReason.LENGTH),
        (RANDOM + LENGTH[:3], RefusalReason.LENGTH),
        (RANDOM + LENGTH + b"hell", RefusalReason.LENGTH),
        (RANDOM + b"\xff\xff\xff\xff" + b"hello", RefusalReason.LENGTH),
        (RANDOM + LENGTH + b"hello", RefusalReason.RECEIVEID),
        (RANDOM + LENGTH + b"hello" + b"wwtest0123456789a", RefusalReason.RECEIVEID),
        (RANDOM + LENGTH + b"hello" + b"wwtest0123456789abc", RefusalReason.RECEIVEID),
        (RANDOM + LENGTH + b"hell\xff" + b"wwtest0123456789ab", RefusalReason.ENCODING),
        (RANDOM + LENGTH + b"hell\xff" + b"another", RefusalReason.RECEIVEID),
    ],
)
def test_what_is_inside_must_fit(plain: bytes, reason: RefusalReason) -> None:
    encrypted = sealed(plain)

    assert refusal(signed(encrypted), encrypted) is reason


@pytest.mark.parametrize(
    "padding", [b"\x00" * 32, b"\x21" * 33, b"\x02\x03\x03", b"\x01" * 31 + b"\x20", b"\xff" * 32]
)
def test_padding_is_checked_to_its_first_byte(padding: bytes) -> None:
    plain = RANDOM + LENGTH + b"hello" + b"wwtest0123456789ab"
    encrypted = sealed(plain + b"x" * (-(len(plain) + len(padding)) % 32), padding)

    assert refusal(signed(encrypted), encrypted) is RefusalReason.PADDING


@pytest.mark.parametrize("encrypted", ["AAAA", base64.b64encode(b"x" * 24).decode()])
def test_ciphertext_comes_in_whole_blocks(encrypted: str) -> None:
    assert refusal(signed(encrypted), encrypted) is RefusalReason.CIPHERTEXT_LENGTH


@pytest.mark.parametrize("encrypted", ["*", "AAA", "AAAA\n", "ＡＡＡＡ", "AA-_"])
def test_ciphertext_is_plain_base64(encrypted: str) -> None:
    assert refusal(signed(encrypted), encrypted) is RefusalReason.BASE64


def test_the_key_before_opens_too_and_is_named_for_the_answer() -> None:
    for key in (KEY, OLD_KEY):
        encrypted = key.encrypt("hello", RANDOM)
        opened = open_with([KEY, OLD_KEY], signed(encrypted, key), encrypted, NOW)
        assert (opened.message, opened.key) == ("hello", key)


def test_a_new_aes_key_under_the_same_token_leaves_the_old_one_working() -> None:
    old = replace(OLD_KEY, token=KEY.token)
    encrypted = old.encrypt("hello", RANDOM)

    assert open_with([KEY, old], signed(encrypted, old), encrypted, NOW).key is old


def test_of_two_keys_the_one_that_came_further_says_why() -> None:
    stale = OLD_KEY.encrypt("hello", RANDOM)
    later = NOW + 400_000

    for keys in ([KEY, OLD_KEY], [OLD_KEY, KEY]):
        with pytest.raises(CallbackRefused, match=r"^timestamp$"):
            open_with(keys, signed(stale, OLD_KEY), stale, later)
    with pytest.raises(CallbackRefused, match=r"^signature$"):
        open_with([], signed(stale, OLD_KEY), stale, NOW)


@given(st.binary(max_size=200))
def test_a_file_is_decrypted_to_its_bytes_alone(content: bytes) -> None:
    assert KEY.decrypt_media(base64.b64decode(sealed(content))) == content


@pytest.mark.parametrize(
    ("ciphertext", "reason"),
    [
        (b"", RefusalReason.CIPHERTEXT_LENGTH),
        (b"x" * 33, RefusalReason.CIPHERTEXT_LENGTH),
        (b"x" * 32, RefusalReason.PADDING),
    ],
)
def test_a_damaged_file_is_refused(ciphertext: bytes, reason: RefusalReason) -> None:
    with pytest.raises(CallbackRefused) as caught:
        KEY.decrypt_media(ciphertext)

    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "encoded",
    ["", KEY.encoding_aes_key[:-1], KEY.encoding_aes_key + "=", "-" * 43, KEY.encoding_aes_key + "\n"],
)
def test_a_key_that_is_none_is_refused_without_repeating_it(encoded: str) -> None:
    with pytest.raises(ValueError, match="43 characters") as caught:
        CallbackKey("token", encoded, "")

    assert not encoded or encoded not in str(caught.value)


def test_random_bytes_are_sixteen() -> None:
    with pytest.raises(ValueError, match="16 random bytes"):
        KEY.encrypt("hello", b"x")


def test_no_secret_is_in_the_text_of_a_key() -> None:
    assert repr(KEY) == "CallbackKey(receive_id='wwtest0123456789ab')"


def test_the_signature_is_that_of_the_sorted_strings() -> None:
    assert KEY.sign("3", "1", "2") == hashlib.sha1(b"123token", usedforsecurity=False).hexdigest()


@given(st.text(), st.text(), st.text(), st.text())
def test_whatever_comes_is_refused_and_not_an_error(
    signature: str, timestamp: str, nonce: str, encrypted: str
) -> None:
    with pytest.raises(CallbackRefused):
        KEY.open(CallbackQuery(signature, timestamp, nonce), encrypted, NOW)
    with pytest.raises(CallbackRefused):
        KEY.open(signed(encrypted, timestamp=SECONDS), encrypted, NOW)


def test_opening_imports_nothing_that_a_second_does_not_allow() -> None:
    """WeCom waits one second for the answer that verifies a URL, and a cold start is part of it."""
    modules = "app_callback", "app_replies", "bot_callback", "bot_replies", "deduplication", "text"
    imports = "; ".join(f"import a2a_tasks.wecom.protocol.{module}" for module in modules)
    listing = f"import sys; before = set(sys.modules); {imports}; print(*set(sys.modules) - before)"
    printed = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in printed.stdout.split()}

    third_party = {name for name in loaded - set(sys.stdlib_module_names) if not name.startswith("_")}
    assert third_party == {"a2a_tasks", "cryptography", "defusedxml"}
    assert not {"asyncio", "ssl", "http", "email", "logging"} & loaded


def test_half_a_character_in_the_query_is_no_error() -> None:
    assert refusal(CallbackQuery("\ud800", SECONDS, "\udfff"), "AAAA") is RefusalReason.SIGNATURE
