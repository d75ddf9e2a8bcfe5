import pytest

from tests.twins.deployment import Deployment


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()
