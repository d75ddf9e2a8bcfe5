"""What an operator is told of an error of WeCom's."""

from a2a_tasks.wecom.ports import WeComRefused
from a2a_tasks.wecom.protocol import errcodes


def refused_words(refused: WeComRefused, fixed_ip: str | None) -> str:
    """A sentence or two. Where our address matters, WeCom says which it was, or it is the fixed one."""
    words = f"{refused.endpoint}: {errcodes.advice(refused.errcode)}"
    address = refused.from_ip or fixed_ip
    if refused.errcode != errcodes.UNTRUSTED_IP or address is None:
        return words
    return f"{words} The address is {address}."
