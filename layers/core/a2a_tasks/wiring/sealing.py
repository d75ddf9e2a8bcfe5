"""Encryption of secrets, between the function that receives them and the one that uses them."""

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.lazy import Lazy
from a2a_tasks.adapters.secrets.kms_envelopes import KmsEnvelopes, Purpose
from a2a_tasks.ports.clock import Clock, Entropy


def sealing_of_function(purpose: Purpose, clock: Clock, entropy: Entropy) -> KmsEnvelopes:
    """Seals or opens, as the function's role permits. Raises ``Misconfigured``."""
    return KmsEnvelopes(Lazy(clients.kms), environment.text("PUSH_KEY_ARN"), purpose, clock, entropy)
