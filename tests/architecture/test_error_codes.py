"""The page of error codes lists what the program can say, and nothing else."""

import ast
import re
from collections.abc import Iterator

from domain.fitness.records import RecordCode
from tests.architecture.program import FLOORS, ROOT, called, calls, modules, parsed
from web.errors import CODES

ROW = re.compile(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", re.MULTILINE)
IN_SQL = re.compile(r"\berror_code = '([a-z_]+)'")
SECOND_ARGUMENT = {"Setback", "problem", "get"}
"""Callables whose second argument is a code; `get` only of the table `CODES`."""


def documented() -> list[str]:
    page = (ROOT / "docs" / "errors.md").read_text()
    return [code for cell in ROW.findall(page) for code in re.findall(r"[a-z_]+", cell)]


def texts(node: ast.AST) -> Iterator[str]:
    return (
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    )


def said_by(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg in {"code", "error_code"}:
            yield from texts(keyword.value)
    if called(call) in SECOND_ARGUMENT and len(call.args) > 1:
        of_codes = "CODES" in ast.unparse(call.func)
        if of_codes or called(call) != "get":
            yield from texts(call.args[1])


def said() -> set[str]:
    """Return every code that the program can give."""
    found = {*CODES.values(), *map(str, RecordCode)}
    for path in modules(*FLOORS):
        found.update(code for call in calls(path) for code in said_by(call))
        found.update(code for text in texts(parsed(path)) for code in IN_SQL.findall(text))
        for node in ast.walk(parsed(path)):
            match node:
                case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(str(code))):
                    found.add(code)
    return found


def test_every_code_is_explained() -> None:
    assert said() - set(documented()) == set()


def test_every_explained_code_can_be_given() -> None:
    assert set(documented()) - said() == set()


def test_all_ways_of_giving_a_code_are_read() -> None:
    assert {"internal_error", "refused", "not_ready", "attempts_exhausted", "sync_not_found"} <= (
        said()
    )
