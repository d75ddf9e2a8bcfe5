"""What CloudFormation deploys: SAM adds names, resources and permissions to what template.yaml says."""

from pathlib import Path

import pytest

from local.tools import ToolError
from local.transformed import transformed


def test_nothing_of_sam_is_left() -> None:
    template = transformed({"Stage": "prod"})

    assert "Transform" not in template
    assert not [item for item in template["Resources"].values() if item["Type"].startswith("AWS::Serverless")]


def test_a_template_that_sam_refuses_is_an_error_that_says_why(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("Resources: {F: {Type: AWS::Serverless::Function, Properties: {Handler: x}}}")

    with pytest.raises(ToolError, match="Runtime and Handler"):
        transformed({}, bad)
