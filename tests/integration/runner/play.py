"""The runner with processes of a test: `python -m tests.integration.runner.play`."""

import sys
from pathlib import Path

from sandbox.runner.command import main
from sandbox.runner.machine import Companions

if __name__ == "__main__":

    def command(name: str) -> str:
        """Read what a test wants to have run."""
        return Path(name).read_text() if Path(name).exists() else ""

    companions = Companions(
        sandbox="python -m tests.integration.runner.actor sandbox",
        prize=command("prize"),
        seed=command("seed"),
        phones=command("phones"),
        winners=command("winners"),
    )
    sys.exit(main(sys.argv[1:], Path.cwd(), companions))
