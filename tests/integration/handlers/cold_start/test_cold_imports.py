"""What a function's cold start imports: each module that no first request needs delays that request."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.integration.support.cold_start import LOGICAL_IDS
from tests.integration.support.template import ROOT, document, environment

PATH = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core")])


MODELS_BUILT = """{
    f"{name}.{model.__name__}": model.__pydantic_complete__
    for name, module in sys.modules.items() if name.startswith("functions.api.models.")
    for model in vars(module).values() if hasattr(model, "__pydantic_complete__")
}"""


def after_loading(function: str, expression: str, **overrides: str) -> Any:
    """The value of an expression in a process that has loaded the function and done nothing else."""
    variables = environment(LOGICAL_IDS[function], {name: name for name in document()["Resources"]})
    code = f"import json, sys, functions.{function}.app\nprint(json.dumps({expression}))"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env=variables | overrides | {"PYTHONPATH": PATH, "AWS_DEFAULT_REGION": "eu-central-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(printed.stdout)


@pytest.mark.parametrize("function", ["authorizer", "api", "worker"])
def test_aws_is_called_without_boto3(function: str) -> None:
    imported = set(after_loading(function, "list(sys.modules)"))

    assert "botocore.client" in imported
    assert not {"boto3", "s3transfer", "multiprocessing"} & imported


def test_the_api_builds_no_model_before_a_request_needs_it() -> None:
    built = after_loading("api", MODELS_BUILT)

    assert "functions.api.models.tasks.NewTask" in built
    assert not any(built.values())


TRACING = '[name for name in sys.modules if name.startswith("a2a_tasks.adapters.tracing")]'


@pytest.mark.parametrize("function", ["api", "a2a", "worker", "sweeper", "webhooks", "wecom", "batcher"])
def test_where_tracing_is_off_nothing_of_it_is_imported(function: str) -> None:
    assert after_loading(function, TRACING) == []


def test_where_it_is_on_it_is() -> None:
    assert after_loading("sweeper", TRACING, TRACING_ENDPOINT="https://collector.example.com/v1/traces")
