"""Stored stream positions, which the emulator cannot use after a restart."""

import json
from pathlib import Path

LAMBDA = "lambda.json"
POSITIONS = "dynamodb_stream_positions"


def forget_stream_positions(state: Path) -> None:
    """Let event sources read tables' streams from the beginning, in the state that an emulator has saved.

    The emulator saves how many records an event source has read of a stream, but not the records: numbering
    restarts from zero after a restart, and as many new records as had been read before would be skipped.
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
