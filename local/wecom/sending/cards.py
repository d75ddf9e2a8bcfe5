"""Template cards: their validation, and the codes that change them once."""

import secrets
from typing import Any

from local.wecom import errors
from local.wecom.card_rules import problem_of
from local.wecom.errors import WeComError

_CODE_MS = 72 * 3_600_000


class Cards:
    """The used task ids, and the valid codes; times are Unix milliseconds."""

    def __init__(self) -> None:
        self._task_ids: set[str] = set()
        self._codes: dict[str, int] = {}

    def check(self, card: Any) -> None:
        """Raises WeComError; otherwise the card's task id is used from now on."""
        if (problem := problem_of(card)) is not None:
            raise WeComError(errors.BAD_PARAMETER, f"template_card.{problem} invalid")
        task_id = card.get("task_id")
        if task_id is None:
            return
        if task_id in self._task_ids:
            raise WeComError(errors.BAD_PARAMETER, "template_card.task_id is not unique")
        self._task_ids.add(task_id)

    def issue_code(self, now: int) -> str:
        """A code that changes a card once, within 72 hours."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = now
        return code

    def use_code(self, code: Any, now: int) -> None:
        """Raises WeComError for a code that is unknown, expired or used."""
        issued_at = self._codes.pop(code, None) if isinstance(code, str) else None
        if issued_at is None or now >= issued_at + _CODE_MS:
            raise WeComError(errors.BAD_PARAMETER, "invalid response_code")
