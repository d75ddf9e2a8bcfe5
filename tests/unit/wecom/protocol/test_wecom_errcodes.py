"""What WeCom's error codes mean."""

from pathlib import Path

import pytest

from a2a_tasks.wecom.protocol import errcodes
from a2a_tasks.wecom.protocol.errcodes import Remedy, advice, metric_code, remedy

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("errcode", "expected"),
    [
        (-1, Remedy.AGAIN),
        (45009, Remedy.LATER),
        (45033, Remedy.LATER),
        (40014, Remedy.NEW_TOKEN),
        (42001, Remedy.NEW_TOKEN),
        *((errcode, Remedy.NONE) for errcode in (60020, 40001, 40013, 40056, 44004, 45002, 81013, 93000)),
        (123456, Remedy.NONE),
    ],
)
def test_each_error_has_its_remedy(errcode: int, expected: Remedy) -> None:
    assert remedy(errcode) is expected


@pytest.mark.parametrize("errcode", [-1, 45009, 40014, 60020, 40001, 40013, 40056, 44004, 45002, 81013])
def test_known_errors_have_a_sentence_and_a_series_of_their_own(errcode: int) -> None:
    assert advice(errcode).endswith(f"(WeCom's error {errcode})")
    assert metric_code(errcode) == str(errcode)


def test_errors_that_nobody_knows_share_one_series() -> None:
    assert {metric_code(errcode) for errcode in range(50_000, 50_100)} == {"other"}
    assert "50000" in advice(50_000)


def test_a_wrong_address_is_told_with_where_to_enter_it() -> None:
    assert "企业可信IP" in advice(60020)


@pytest.mark.parametrize("page", ["docs/wecom.md", "docs/zh-CN/wecom.md"])
def test_each_that_is_known_is_in_the_troubleshooting(page: str) -> None:
    text = (ROOT / page).read_text()
    assert [code for code in errcodes._ADVICE if f"`{code}`" not in text] == []
