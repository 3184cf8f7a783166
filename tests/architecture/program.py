"""The program's own text, for tests that read it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FLOORS = ("web", "tasks", "worker", "domain", "models")
"""From the top down."""
BESIDE = ("clients", "sandbox", "bench", "tests")
LOOSE = ("celeryconfig.py", "flowerconfig.py", "gunicorn.conf.py", "alembic/env.py")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*rooms: str) -> list[Path]:
    """Return the Python files of rooms, without what was generated."""
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def everything() -> list[Path]:
    """Return every Python file that somebody wrote by hand; migrations are drafted by Alembic."""
    return [*modules(*FLOORS, *BESIDE), *(ROOT / name for name in LOOSE)]


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(), str(path))


def calls(path: Path) -> Iterator[ast.Call]:
    """Yield all calls in a file."""
    return (node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))


def place(path: Path, node: ast.expr | ast.stmt) -> str:
    """Return where a node stands, for messages."""
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def called(call: ast.Call) -> str:
    """Return the last part of the name that is called."""
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""
