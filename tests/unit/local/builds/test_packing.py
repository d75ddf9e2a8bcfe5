"""What `sam deploy` gets of a build: the same template, with archives of what the folders hold."""

import json
import os
import zipfile
from pathlib import Path

import pytest

from local.builds.packing import PACKED, pack
from local.builds.release import stamped

TEMPLATE = """\
Globals:
  Function:
    Environment:
      Variables:
        RELEASE: unreleased
        OTHER: x
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: Function
      Timeout: 29
      Role:
        Fn::Sub: ${Role.Arn}
  Layer:
    Type: AWS::Serverless::LayerVersion
    Properties:
      ContentUri: Layer
  Condition:
    Type: AWS::CloudFormation::WaitConditionHandle
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    for name in ("Function/app.py", "Layer/python/a/b.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(f"# {name}")
    os.utime(tmp_path / "Function" / "app.py", (0, 0))  # a reproducible build's, which no archive can tell
    (tmp_path / "Layer" / "python" / "tool").write_text("#!/bin/sh")
    (tmp_path / "Layer" / "python" / "tool").chmod(0o755)
    pack(tmp_path)
    return tmp_path


def test_only_the_locations_differ(build: Path) -> None:
    packed = json.loads((build / PACKED).read_text())

    assert packed["Resources"]["Function"]["Properties"] == {
        "CodeUri": "Function.zip",
        "Timeout": 29,
        "Role": {"Fn::Sub": "${Role.Arn}"},
    }
    assert packed["Resources"]["Layer"]["Properties"] == {"ContentUri": "Layer.zip"}
    assert packed["Resources"].keys() == {"Function", "Layer", "Condition"}
    assert packed["Globals"]["Function"]["Environment"]["Variables"] == {
        "RELEASE": "unreleased",
        "OTHER": "x",
    }


def test_an_archive_holds_what_the_folder_holds(build: Path) -> None:
    with zipfile.ZipFile(build / "Layer.zip") as archive:
        assert sorted(archive.namelist()) == ["python/a/b.py", "python/tool"]
        assert archive.read("python/a/b.py") == b"# Layer/python/a/b.py"
        assert archive.getinfo("python/tool").external_attr >> 16 & 0o111
    with zipfile.ZipFile(build / "Function.zip") as archive:
        assert archive.namelist() == ["app.py"]
    assert (build / "Layer" / "python" / "a" / "b.py").exists()


def test_a_release_is_written_into_it_as_into_the_template(build: Path) -> None:
    packed, readable = (
        stamped(build / name, "0.1.0-aa", f"released-{name}") for name in (PACKED, "template.yaml")
    )

    variables = json.loads(packed.read_text())["Globals"]["Function"]["Environment"]["Variables"]
    assert variables == {"RELEASE": "0.1.0-aa", "OTHER": "x"}
    assert "        RELEASE: 0.1.0-aa\n" in readable.read_text()
