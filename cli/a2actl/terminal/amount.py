"""Amounts of money, and counts."""

from decimal import Decimal, InvalidOperation

from a2actl.terminal.fault import Fault

_FINEST = Decimal("0.000001")
_MOST = Decimal(1_000_000)


def parse_usd(text: str, option: str) -> Decimal:
    """US dollars above zero, to a millionth. ``Fault`` names the option."""
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or not 0 < amount <= _MOST or amount % _FINEST:
        raise Fault(f"{option} takes US dollars, such as 5 or 0.25, at most {_MOST}; not {text!r}.")
    return amount


def format_usd(amount: Decimal) -> str:
    """Such as ``$5.00`` or ``$0.0123``: at least cents, and what is finer if there is anything."""
    cents = amount.quantize(Decimal("0.01"))
    return f"${cents:,}" if cents == amount else f"${amount.normalize():,f}"


def counted(count: int, what: str) -> str:
    """Such as ``1 task`` or ``2 tasks``; of words whose plural takes an s."""
    return f"{count} {what}{'' if count == 1 else 's'}"
