"""Rules for template cards. https://developer.work.weixin.qq.com/document/path/101032"""

import re
from typing import Any

from local.wecom.json_body import section

CARD_TYPES = ("text_notice", "news_notice", "button_interaction", "vote_interaction", "multiple_interaction")
_TASK_ID = re.compile(r"[0-9A-Za-z_\-@]{1,128}")
_MOST_BUTTONS = 6


def problem_of(card: Any) -> str | None:
    """The invalid field; None if all are valid."""
    if not isinstance(card, dict) or card.get("card_type") not in CARD_TYPES:
        return "card_type"
    kind, task_id = str(card["card_type"]), card.get("task_id")
    is_interactive = kind.endswith("_interaction")
    if (task_id is not None or is_interactive) and not _is_task_id(task_id):
        return "task_id"
    if not is_interactive and not _leads_somewhere(section(card, "card_action")):
        return "card_action"
    if kind == "button_interaction":
        if not section(card, "main_title"):
            return "main_title"
        if not _are_buttons(card.get("button_list")):
            return "button_list"
    return None


def _is_task_id(value: Any) -> bool:
    return isinstance(value, str) and _TASK_ID.fullmatch(value) is not None


def _leads_somewhere(action: dict[str, Any]) -> bool:
    needed = {1: "url", 2: "appid"}.get(action.get("type", 0))
    return needed is not None and bool(action.get(needed))


def _are_buttons(buttons: Any) -> bool:
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= _MOST_BUTTONS:
        return False
    keys = [button.get("key") for button in buttons if isinstance(button, dict) and button.get("text")]
    return all(isinstance(key, str) and key for key in keys) and len(set(keys)) == len(buttons)
