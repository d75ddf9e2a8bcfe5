"""Encryption of bots' response URLs, between the function that receives them and the one that uses them."""

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.kms_envelopes import KmsEnvelopes
from a2a_tasks.adapters.lazy import Lazy
from a2a_tasks.ports.clock import Clock, Entropy

PURPOSE = "wecom-response-url"


def response_url_sealing(clock: Clock, entropy: Entropy) -> KmsEnvelopes:
    """Seals or opens, as the function's role permits. Raises ``Misconfigured``."""
    return KmsEnvelopes(Lazy(clients.kms), environment.text("PUSH_KEY_ARN"), PURPOSE, clock, entropy)
