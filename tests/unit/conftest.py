import pytest

from tests.twins.deployment import Deployment


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The one test that takes as long as a third of the others begins first, or a core would wait for it."""
    items.sort(key=lambda item: item.path.name != "test_promise.py")
