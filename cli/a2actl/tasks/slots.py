"""How many of an agent's slots are taken."""

from a2a_tasks.ports.slots import PAGE, Scope, SlotStore


def slots_held(places: SlotStore, agent_id: str, slots: int) -> int:
    """Of so many, read a page at a time. Raises ``StoreUnavailable``."""
    scope = Scope(agent_id)
    held = len(places.state(scope, slots).holders)
    return held + sum(len(places.page(scope, number)) for number in range(1, -(-slots // PAGE)))
