"""The runner with processes of a test: `python -m tests.integration.runner.play`."""

import sys
from pathlib import Path

from sandbox.runner.command import main
from sandbox.runner.machine import Companions

if __name__ == "__main__":
    seed, phones = Path("seed"), Path("phones")
    companions = Companions(
        sandbox="python -m tests.integration.runner.actor sandbox",
        seed=seed.read_text() if seed.exists() else "",
        phones=phones.read_text() if phones.exists() else "",
    )
    sys.exit(main(sys.argv[1:], Path.cwd(), companions))
