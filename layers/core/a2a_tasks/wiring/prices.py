"""Prices of the deployment."""

from a2a_tasks.adapters import environment
from a2a_tasks.domain.pricing.overrides import BadPrices, with_overrides
from a2a_tasks.domain.pricing.prices import Prices
from a2a_tasks.domain.pricing.table import TABLE


def prices_of_function() -> Prices:
    """The price table with the deployment's overrides. Raises ``Misconfigured``."""
    try:
        return with_overrides(TABLE, environment.optional("MODEL_PRICES") or "")
    except BadPrices as error:
        raise environment.Misconfigured(f"the template's parameter ModelPrices: {error}") from None
