"""What is put right in the emulator's kept state before it starts again."""

import json
from pathlib import Path

from local.stack.stream_positions import forget_stream_positions


def test_a_stream_is_read_from_its_beginning_again(tmp_path: Path) -> None:
    kept = {"payload": {"esms": {"e": 1}, "dynamodb_stream_positions": {"data": {"e": 46}}}}
    (tmp_path / "lambda.json").write_text(json.dumps({"__ministack_format__": 2, **kept}))

    forget_stream_positions(tmp_path)

    assert json.loads((tmp_path / "lambda.json").read_text()) == {
        "__ministack_format__": 2,
        "payload": {"esms": {"e": 1}},
    }
    assert [path.name for path in tmp_path.iterdir()] == ["lambda.json"]


def test_there_may_be_no_state_yet(tmp_path: Path) -> None:
    forget_stream_positions(tmp_path)

    assert list(tmp_path.iterdir()) == []
