"""Imports only go downstairs, and the rules that say so would notice if they did not."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.architecture.program import FLOORS, ROOT

LINTER = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> tuple[int, str]:
    """Check the imports of the program in `folder` by the contracts of the project."""
    done = subprocess.run(
        [LINTER, "--config", ROOT / "setup.cfg", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """A program of empty rooms."""
    for room in (*FLOORS, "sandbox"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    return tmp_path


def test_the_program_keeps_to_its_floors() -> None:
    code, said = lint(ROOT)
    assert code == 0, said


def test_a_skeleton_that_goes_downstairs_is_let_through(skeleton: Path) -> None:
    for upper, lower in pairwise(FLOORS):
        (skeleton / upper / "noun.py").write_text(f"import {lower}\n")
    code, said = lint(skeleton)
    assert code == 0, said


@pytest.mark.parametrize(
    ("room", "imported"),
    [
        ("models", "domain"),
        ("domain", "worker"),
        ("worker", "tasks"),
        ("tasks", "web"),
        ("domain", "celery"),
        ("domain", "flask"),
        ("models", "kombu"),
        ("web", "sandbox"),
        ("sandbox", "domain"),
    ],
)
def test_a_wrong_import_would_be_caught(skeleton: Path, room: str, imported: str) -> None:
    (skeleton / room / "noun.py").write_text(f"import {imported}\n")
    code, said = lint(skeleton)
    assert code == 1, said
    assert f"{room}.noun -> {imported}" in said


def test_a_wrong_import_through_a_third_room_would_be_caught(skeleton: Path) -> None:
    (skeleton / "models" / "noun.py").write_text("import flask\n")
    (skeleton / "domain" / "noun.py").write_text("import models.noun\n")
    code, said = lint(skeleton)
    assert code == 1, said
