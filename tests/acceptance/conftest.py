"""One running stack for the whole tier; a test that hurts it leaves it whole."""

from collections.abc import Iterator

import pytest

from domain import clock
from tests.acceptance.stack import Stack, running, wait_until


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who moves the clock comes first: later, its hours would make everybody's pulls due.

    Who reads the logs comes last, when everything is in them.
    """
    items.sort(key=lambda item: item.path.name not in {"test_alerts.py", "test_life.py"})
    items.sort(key=lambda item: item.path.name == "test_secrets.py")


@pytest.fixture(scope="session")
def whole_stack(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Stack]:
    """Everything, started once; a second one, in another test process, is an error."""
    if worker_id != "master":
        (tmp_path_factory.getbasetemp().parent / "the stack").mkdir()
    with running(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def stack(whole_stack: Stack) -> Iterator[Stack]:
    """The running stack; its logs are shown when the test fails."""
    wait_until(whole_stack.is_ready, "readiness")
    yield whole_stack
    whole_stack.control("DELETE", "/faults")


@pytest.fixture
def moved(stack: Stack) -> Iterator[Stack]:
    """The stack for a test that moves its clock. What Redis was told of later hours is lost."""
    yield stack
    stack.move_clock(clock.now())
    stack.redis.flushall()
