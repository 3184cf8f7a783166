"""How `pytest -n` shares the tests out among its processes."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "tests/acceptance/test_alerts.py": "the stack",
    "tests/acceptance/test_faults.py": "the stack",
    "tests/acceptance/test_life.py": "the stack",
    "tests/acceptance/test_logs.py": "the stack",
    "tests/acceptance/test_nominal.py": "the stack",
    "tests/acceptance/test_page.py": "the stack",
    "tests/acceptance/test_prizes.py": "the stack",
    "tests/acceptance/test_rolling.py": "the stack",
    "tests/acceptance/test_secrets.py": "the stack",
    "tests/acceptance/test_storm.py": "the stack",
    "tests/acceptance/test_traces.py": "the stack",
}
"""Files for which the same processes are started."""


class InUnits(LoadScopeScheduling):  # type: ignore[misc]  # xdist brings no types
    """Gives a process a whole file, or all files and folders that share what runs beside them.

    xdist's own `loadgroup` forgets its groups under pytest 9.2 (issue 1386 of pytest-xdist).
    """

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        # The long units stand first by their names; their numbers of tests do not tell.
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if path.startswith("tests/integration/live/"):
            return "the site"
        return TOGETHER.get(path, path)
