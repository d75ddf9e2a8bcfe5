"""The functions with the oldest AWS SDK that they may meet: Lambda brings its own, and not the pinned one."""

import os
import subprocess
import sys

import pytest

from local.tools import LAMBDA_SDK, ROOT


@pytest.fixture
def old_sdk() -> dict[str, str]:
    """An environment in which Python finds that SDK before the pinned one."""
    LAMBDA_SDK.ensure()
    (packages,) = LAMBDA_SDK.folder.glob("lib/python*/site-packages")
    return {**os.environ, "PYTHONPATH": str(packages)}


def run(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_call_of_every_function_is_one_that_the_oldest_sdk_knows(old_sdk: dict[str, str]) -> None:
    """In each of these tests a function makes all the calls that its role allows."""
    pinned = dict(
        line.split("==") for line in LAMBDA_SDK.requirements.read_text().splitlines() if "==" in line
    )
    versions = run(old_sdk, "-c", "import boto3, botocore; print(boto3.__version__, botocore.__version__)")

    run(
        old_sdk, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore::DeprecationWarning",
        "tests/integration/test_permissions.py", "-k", "not denied",
    )  # fmt: skip

    assert versions.split() == [pinned["boto3"], pinned["botocore"]]
