"""Callers' secrets, encrypted with a key that never leaves KMS."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from a2a_tasks.adapters.aws_errors import port_errors
from a2a_tasks.ports.errors import SealingUnavailable
from a2a_tasks.ports.sealing import SealBroken

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

UNDECRYPTABLE = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


@dataclass(frozen=True)
class KmsSealing:
    """``Sealer`` and ``Opener``. A function's role permits one of the two. ``client`` returns a client."""

    client: "Callable[[], KMSClient]"
    key_arn: str

    def seal(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        with port_errors(SealingUnavailable):
            answer = self.client().encrypt(
                KeyId=self.key_arn, Plaintext=plain, EncryptionContext=dict(context)
            )
            return answer["CiphertextBlob"]

    def open(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        broken = SealBroken("not sealed with this key and context")
        with port_errors(SealingUnavailable, dict.fromkeys(UNDECRYPTABLE, broken)):
            answer = self.client().decrypt(
                KeyId=self.key_arn, CiphertextBlob=sealed, EncryptionContext=dict(context)
            )
            return answer["Plaintext"]
