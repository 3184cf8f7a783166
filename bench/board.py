"""The page of 100 out of 100,000 against a view that answers a constant: `python -m bench.board`.

With `me`, 1,000 people of the board ask in turn: once while the board stands still, so that a
caller's own row may be remembered, and once while it moves four times a second, so that it has to
be looked up again.
"""

import secrets

from bench.crowd import fill, moving
from bench.load import wait_until_it_listens
from bench.reads import SECONDS, measure, participants, read, report, stranger
from bench.stage import process, stage
from sandbox.ports import free_port

PEOPLE = 100_000
ROUNDS = 15


def main() -> None:
    """Run it."""
    port = free_port()
    with stage(PORT=str(port), SUPABASE_JWT_SECRET=secrets.token_hex(32)) as on:
        board = fill(on, PEOPLE)
        with process(on, "gunicorn", "-c", "gunicorn.conf.py", "bench.constant:app()"):
            wait_until_it_listens(port)
            path, callers = f"/api/v1/leaderboard/{board}", participants(on)
            reads = [
                read(port, "without me", path, stranger(on), rows=100, goal=0.8),
                read(port, "with me, board still", path, callers, rows=100, goal=0.5),
                read(
                    port,
                    "with me, board moving",
                    path,
                    callers,
                    rows=100,
                    goal=0.5,
                    meanwhile=lambda: moving(on, board),
                ),
            ]
            found = measure(port, reads, ROUNDS)
    print(f"page of 100 out of {PEOPLE:,}; medians of {ROUNDS} rounds of {SECONDS:g} s (range)")
    report(reads, found)


if __name__ == "__main__":
    main()
