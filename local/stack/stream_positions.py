"""Positions in streams that the emulator has stored and cannot use after a restart."""

import json
from pathlib import Path

LAMBDA = "lambda.json"
POSITIONS = "dynamodb_stream_positions"


def forget_stream_positions(state: Path) -> None:
    """Let event sources read tables' streams from their beginning, in the state that an emulator has left.

    The emulator keeps how many records an event source has read of a stream, but no records: they are counted
    from zero again after a restart, and as many as had been read before would never be told.
    """
    path = state / LAMBDA
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        return
    if document["payload"].pop(POSITIONS, None):
        written = path.with_suffix(".json.new")
        written.write_text(json.dumps(document))
        written.replace(path)
