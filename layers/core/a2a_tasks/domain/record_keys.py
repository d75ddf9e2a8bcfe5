"""The keys of what a task owns; those of its records sort in the order in which things happened."""

CONFIG = "NOTIFY#"
"""A push configuration. It sorts before every record, so that records are read without it."""
DELIVERY = "DELIVERY#"
"""How far an answer is that is sent to a chat in parts. It sorts before every record too."""
PROMPT_KEY = "PROMPT"
FIRST_RECORD = PROMPT_KEY
CALL = "#TOOL#"


def config_key(config_id: str) -> str:
    """A push configuration."""
    return f"{CONFIG}{config_id}"


def delivery_key(name: str) -> str:
    """An answer to one chat."""
    return f"{DELIVERY}{name}"


def turn_key(number: int) -> str:
    return f"TURN#{number:04d}"


def call_key(number: int, call_id: str) -> str:
    """A tool call of a turn."""
    return f"{turn_key(number)}{CALL}{call_id}"


def turn_number(key: str) -> int:
    """The turn that a key other than the prompt's belongs to."""
    return int(key.partition(CALL)[0].removeprefix("TURN#"))


def call_id_of(key: str) -> str:
    """The tool call that a key is of."""
    return key.partition(CALL)[2]
