"""One running stack for the whole tier; a test that hurts it leaves it whole."""

from collections.abc import Iterator

import pytest

from tests.acceptance.stack import Stack, running, wait_until


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
    wait_until(whole_stack.is_ready, "readiness", 60)
    yield whole_stack
    whole_stack.control("DELETE", "/faults")
