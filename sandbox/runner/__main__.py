"""`python -m sandbox.runner`, which is `make run`."""

import sys
from pathlib import Path

from sandbox.runner.command import main
from sandbox.runner.machine import Companions

PEOPLE = 60
COMPANIONS = Companions(
    sandbox=(
        "python -m sandbox.server --port $SANDBOX_PORT --data .local/sandbox"
        f" --people {PEOPLE} --public-url http://127.0.0.1:$SANDBOX_PORT"
        " --webhooks http://127.0.0.1:$PORT/webhooks/stripe"
    ),
    prize="python -m sandbox.prize",
    seed="python -m sandbox.seed",
    phones="python -m sandbox.phones",
    winners="python -m sandbox.winners",
)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path.cwd(), COMPANIONS))
