"""One table names every variable, and so does `.env.example`."""

import ast
import re

from domain.settings import Settings
from tests.architecture.program import ROOT, called, calls, everything

NOT_READ_YET = {
    "GOOGLE_HEALTH_URL",
}
"""Named by the contract for parts that are still to come."""

ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \|", re.MULTILINE)
EXAMPLE = re.compile(r"^#?([A-Z][A-Z0-9_]+)=", re.MULTILINE)
SHELL = re.compile(r"\$\{?([A-Z][A-Z0-9_]+)")
READ_BY_GUNICORN = {"WEB_CONCURRENCY"}
OF_THE_SYSTEM = {"PATH", "PYTHONPATH", "PYTHONWARNINGS"}


def settings() -> set[str]:
    return {name.upper() for name in Settings.model_fields}


def asked_for_directly() -> set[str]:
    """Return what is read with `os.environ.get` and what the Procfile's commands take."""
    found = set(SHELL.findall((ROOT / "Procfile").read_text()))
    for path in everything():
        if path.is_relative_to(ROOT / "tests"):
            continue
        for call in calls(path):
            match call:
                case ast.Call(
                    func=ast.Attribute(value=ast.Attribute(attr="environ")),
                    args=[ast.Constant(value=str(name)), *_],
                ) if called(call) == "get":
                    found.add(name)
    return (found | READ_BY_GUNICORN) - OF_THE_SYSTEM


def test_the_table_of_the_readme_is_whole() -> None:
    table = ROW.findall((ROOT / "README.md").read_text())
    assert len(table) == len(set(table))
    assert set(table) == settings() | asked_for_directly() | NOT_READ_YET


def test_the_example_is_whole() -> None:
    example = EXAMPLE.findall((ROOT / ".env.example").read_text())
    assert len(example) == len(set(example))
    assert set(example) == settings() | asked_for_directly() | NOT_READ_YET


def test_what_is_read_is_not_among_what_is_to_come() -> None:
    assert NOT_READ_YET.isdisjoint(settings() | asked_for_directly())
