"""What is not Python is packed too."""

import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.program import FLOORS, ROOT

LIST = """
import sys
from setuptools import Distribution
distribution = Distribution()
distribution.parse_config_files(["setup.cfg"])
distribution.script_name = "setup.py"
build = distribution.get_command_obj("build_py")
build.ensure_finalized()
for package, source, _, names in build.data_files:
    for name in names:
        print(f"{source}/{name}")
"""
CODE = {".py", ".pyc"}


def data_files() -> set[Path]:
    return {
        path.relative_to(ROOT)
        for room in (*FLOORS, "clients")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and path.suffix not in CODE
    }


def test_every_data_file_is_packed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIST],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    packed = {Path(line) for line in done.stdout.splitlines()}
    assert data_files() - packed == set()
    assert data_files()
