"""How long things may be, and what may not be written where."""

import ast

import pytest

from tests.architecture.program import (
    FLOORS,
    ROOT,
    Function,
    called,
    calls,
    everything,
    modules,
    parsed,
    place,
)

LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
LONGEST_TEST = 100
"""A test may tell a long story, but not a novel."""

COMMITTING = {"commit"}
ENQUEUEING = {"apply_async", "delay", "send_task"}
CLOCK = ROOT / "domain" / "clock.py"
NAMELESS = {"helpers", "utils", "common", "misc"}


def test_no_module_is_too_long() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in everything()}
    long = {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > LONGEST_MODULE}
    assert long == {}


def test_no_function_is_too_long() -> None:
    long = {}
    for path in everything():
        limit = LONGEST_TEST if path.is_relative_to(ROOT / "tests") else LONGEST_FUNCTION
        for node in ast.walk(parsed(path)):
            if isinstance(node, Function) and node.end_lineno is not None:
                lines = node.end_lineno - node.lineno + 1
                if lines > limit:
                    long[f"{place(path, node)} {node.name}"] = lines
    assert long == {}


def test_modules_are_named_for_what_they_hold() -> None:
    assert [path for path in everything() if path.stem in NAMELESS] == []


@pytest.mark.parametrize("forbidden", [COMMITTING, ENQUEUEING], ids=["commits", "enqueues"])
def test_the_domain_leaves_that_to_its_callers(forbidden: set[str]) -> None:
    found = [
        place(path, call)
        for path in modules("domain", "models")
        for call in calls(path)
        if isinstance(call.func, ast.Attribute) and call.func.attr in forbidden
    ]
    assert found == []


def test_only_units_of_work_commit() -> None:
    """They do it by leaving `session.begin()`, so the word itself appears nowhere."""
    found = [
        place(path, call)
        for path in modules(*FLOORS)
        for call in calls(path)
        if called(call) in COMMITTING
    ]
    assert found == []


def _asks_the_system(call: ast.Call) -> bool:
    """Say whether this is `datetime.now()`, `datetime.utcnow()`, `date.today()` or the like."""
    match call.func:
        case ast.Attribute(value=owner, attr="now" | "utcnow" | "today"):
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            return name in {"date", "datetime"}
    return False


def test_everybody_asks_the_one_clock() -> None:
    asked = [
        place(path, call)
        for path in modules(*FLOORS)
        for call in calls(path)
        if path != CLOCK and _asks_the_system(call)
    ]
    assert asked == []


def test_the_clock_itself_is_recognised() -> None:
    assert any(_asks_the_system(call) for call in calls(CLOCK))
