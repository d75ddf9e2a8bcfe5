"""Sort keys of what a task owns. Keys of records sort in the order in which things happened."""

CONFIG = "NOTIFY#"
"""Prefix of push configurations. Sorts before all records, so that records are read without them."""
DELIVERY = "DELIVERY#"
"""Prefix of the progress of multi-part deliveries to a chat. Sorts before all records too."""
PROMPT_KEY = "PROMPT"
FIRST_RECORD = PROMPT_KEY
CALL = "#TOOL#"


def config_key(config_id: str) -> str:
    """Key of a push configuration."""
    return f"{CONFIG}{config_id}"


def delivery_key(name: str) -> str:
    """Key of the delivery to one chat."""
    return f"{DELIVERY}{name}"


def turn_key(number: int) -> str:
    """Key of a turn, from 1."""
    return f"TURN#{number:04d}"


def call_key(number: int, call_id: str) -> str:
    """Key of a tool call in a turn."""
    return f"{turn_key(number)}{CALL}{call_id}"


def turn_number(key: str) -> int:
    """The turn of a record; not for ``PROMPT_KEY``."""
    return int(key.partition(CALL)[0].removeprefix("TURN#"))


def call_id_of(key: str) -> str:
    """The tool call of a record; empty for others."""
    return key.partition(CALL)[2]
