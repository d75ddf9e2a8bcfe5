"""Messages, good and bad, that other programs have encrypted and signed: tests/vectors/wecom.json."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from a2a_tasks.wecom.protocol.crypto import CallbackKey, CallbackQuery

_FILE = Path(__file__).parents[3] / "vectors" / "wecom.json"


@dataclass(frozen=True)
class Vector:
    """``now`` is in Unix milliseconds; ``reasons`` are those of a refusal; none: it is accepted."""

    name: str
    kind: str
    key: CallbackKey
    query: CallbackQuery
    encrypted: str
    body: bytes
    now: int
    plaintext: str | None
    parsed: dict[str, str]
    reasons: tuple[str, ...]

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Vector":
        http, expected = record["http"] or {}, record["expect"]
        fields = {name: record[name] for name in ("msg_signature", "timestamp", "nonce")}
        if "raw_query" in http:
            fields = dict(parse_qsl(http["raw_query"], strict_parsing=True))
        return cls(
            name=record["name"],
            kind=record["kind"],
            key=CallbackKey(record["token"], record["encoding_aes_key"], record["receiveid"]),
            query=CallbackQuery.from_parameters(fields),
            encrypted=record["encrypt"],
            body=http.get("body", record.get("envelope", "")).encode(),
            now=record["now"] * 1000,
            plaintext=record.get("plaintext"),
            parsed=expected.get("parsed", {}),
            reasons=() if expected["accept"] else tuple(expected.get("any_of", [expected["reason"]])),
        )


VECTORS = [Vector.from_json(record) for record in json.loads(_FILE.read_text())["vectors"]]


def vector(name: str) -> Vector:
    return next(vector for vector in VECTORS if vector.name == name)
