"""The Dockerfile without an engine: what its context holds, and its steps replayed in a folder."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

STEP = re.compile(r"^(FROM|RUN|COPY|ENV|USER|WORKDIR|EXPOSE|CMD) +(.*)$", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One instruction, its lines joined."""

    word: str
    rest: str


def steps(dockerfile: Path) -> Iterator[Step]:
    """Yield all instructions. Raises ValueError for one that is not known here."""
    joined = dockerfile.read_text().replace("\\\n", " ")
    for line in joined.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = STEP.match(line)
        if match is None:
            raise ValueError(f"unknown instruction: {line}")
        yield Step(match[1], " ".join(match[2].split()))


def copy_context(root: Path, target: Path) -> None:
    """Copy what `.dockerignore` lets through: all is left out but what is named with a `!`."""
    rules = [
        line
        for line in (root / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    first, *others = rules
    assert first == "*"
    never = [rule.removeprefix("**/") for rule in others if not rule.startswith("!")]

    def left_out(_: str, names: list[str]) -> set[str]:
        return {name for name in names if any(fnmatch(name, rule) for rule in never)}

    for name in (rule[1:] for rule in others if rule.startswith("!")):
        source, place = root / name, target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, ignore=left_out)
        else:
            shutil.copyfile(source, place)
