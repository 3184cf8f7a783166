"""What the documents point at is there."""

import re
from pathlib import Path

import pytest

from tests.architecture.program import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#:]+)\)")
FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)+/?)`")
MADE_BY_COMMANDS = {".local", ".venv"}


def files(page: str) -> set[str]:
    """Return the paths that a page names from the project's root."""
    rooms = {path.name for path in ROOT.iterdir()} - MADE_BY_COMMANDS
    return {name for name in FILE.findall(page) if name.partition("/")[0] in rooms}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_and_links_lead_somewhere(document: Path) -> None:
    page = document.read_text()
    assert [name for name in files(page) if not (ROOT / name).exists()] == []
    assert [link for link in LINK.findall(page) if not (document.parent / link).exists()] == []


def test_all_decisions_are_listed() -> None:
    decisions = ROOT / "docs" / "adr"
    listed = LINK.findall((decisions / "README.md").read_text())
    assert listed == sorted(path.name for path in decisions.glob("0*.md"))
    assert len(files((decisions / "0004-redis-is-a-picture.md").read_text())) > 2
