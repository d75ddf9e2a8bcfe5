"""Messages for operators about errors of WeCom."""

from a2a_tasks.wecom.ports import WeComRefused
from a2a_tasks.wecom.protocol import errcodes


def explain_refusal(refused: WeComRefused, fixed_ip: str | None) -> str:
    """One or two sentences. If the source address matters, it is the one that WeCom reports, or the
    deployment's fixed one."""
    words = f"{refused.endpoint}: {errcodes.advice(refused.errcode)}"
    address = refused.from_ip or fixed_ip
    if refused.errcode != errcodes.UNTRUSTED_IP or address is None:
        return words
    return f"{words} The address is {address}."
