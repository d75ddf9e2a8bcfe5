"""What a function's cold start imports: each module that no first request needs delays that request."""

import functools
import json
import os
import subprocess
import sys

import pytest

from tests.integration.support.cold_start import LOGICAL_IDS
from tests.integration.support.template import ROOT, document, environment

PATH = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core")])


@functools.cache
def imported_by(function: str) -> frozenset[str]:
    """The modules that are there when a process has loaded the function."""
    variables = environment(LOGICAL_IDS[function], {name: name for name in document()["Resources"]})
    code = f"import json, sys, functions.{function}.app; print(json.dumps(list(sys.modules)))"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env=variables | {"PYTHONPATH": PATH, "AWS_DEFAULT_REGION": "eu-central-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(json.loads(printed.stdout))


@pytest.mark.parametrize("function", ["authorizer", "api", "worker"])
def test_aws_is_called_without_boto3(function: str) -> None:
    imported = imported_by(function)

    assert "botocore.client" in imported
    assert not {"boto3", "s3transfer", "multiprocessing"} & imported
