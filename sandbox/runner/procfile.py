"""The Procfile: one `name: command` per line."""

import re
from pathlib import Path

LINE = re.compile(r"^(?P<name>[A-Za-z0-9_-]+):\s*(?P<command>.+)$")
RELEASE = "release"


class ProcfileError(ValueError):
    """A line is not `name: command`, or a name comes twice."""


def read_procfile(path: Path) -> dict[str, str]:
    """Commands by name, in the file's order. Commands are for a shell."""
    commands: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = LINE.match(text)
        if match is None or match["name"] in commands:
            raise ProcfileError(f"{path.name}, line {number}: {text}")
        commands[match["name"]] = match["command"]
    return commands
