"""The image: linted, without root, and with all that its processes need."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from domain.settings import Settings
from sandbox.ports import free_port
from tests.acceptance.rolling import answers
from tests.acceptance.stack import wait_until
from tests.conftest import ROOT
from tests.integration.deploy.dockerfile import Step, copy_context, steps

DOCKERFILE = ROOT / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")
EVERYTHING = """
import importlib
from pathlib import Path
import celeryconfig, sandbox.server, sandbox.seed, sandbox.phones, web, worker.app
for name in celeryconfig.imports:
    importlib.import_module(name)
from alembic.config import Config
from alembic.script import ScriptDirectory
config = Config("alembic.ini")
assert ScriptDirectory.from_config(config).get_current_head()
here = Path.cwd().resolve()
for module in (celeryconfig, sandbox, web, worker):
    assert here in Path(module.__file__).resolve().parents, module
"""


def last(word: str) -> str:
    return [step.rest for step in steps(DOCKERFILE) if step.word == word][-1]


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint is not installed (only on Linux)")
def test_it_is_linted() -> None:
    done = subprocess.run(
        [HADOLINT, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_nobody_is_root() -> None:
    assert last("USER") == "10001"
    words = [step.word for step in steps(DOCKERFILE)]
    assert "COPY" not in words[words.index("USER") :]
    assert any("useradd" in step.rest and "--uid 10001" in step.rest for step in steps(DOCKERFILE))


def test_the_context_holds_the_program_and_nothing_else(tmp_path: Path) -> None:
    copy_context(ROOT, tmp_path)
    found = {path.name for path in tmp_path.iterdir()}
    assert {"web", "worker", "tasks", "domain", "models", "alembic", "sandbox"} <= found
    assert not found & {"tests", "bench", "docs", "deploy", ".git", ".venv", ".env", ".local"}
    assert list(tmp_path.rglob("__pycache__")) == []
    run([sys.executable, "-c", EVERYTHING], tmp_path, os.environ["PATH"])


def run(command: list[str], folder: Path, path: str, **environment: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": path, "PYTHONPATH": str(folder), "HOME": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def replay(folder: Path) -> Path:
    """Do the steps with `folder` for a root; return where the program is."""
    app, before = folder / "app", folder / "stage"
    before.mkdir()
    for step in steps(DOCKERFILE):
        if step == Step("COPY", "requirements/base.txt /"):
            shutil.copyfile(ROOT / "requirements" / "base.txt", folder / "base.txt")
        elif step == Step("COPY", ". ."):
            copy_context(ROOT, app)
        elif step.word == "RUN" and "useradd" not in step.rest:
            there = step.rest.replace(" /", f" {folder}/")
            run(["sh", "-euc", there], before, os.environ["PATH"])
    return app


@pytest.mark.soak
def test_its_steps_make_a_site_that_answers(settings: Settings, tmp_path: Path) -> None:
    app = replay(tmp_path)
    path = f"{tmp_path / 'venv' / 'bin'}:/usr/bin:/bin"
    run([str(tmp_path / "venv" / "bin" / "python"), "-c", EVERYTHING], app, path)
    port = str(free_port())
    environment = {
        "PATH": path,
        "PYTHONPATH": str(app),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SUPABASE_URL": settings.supabase_url,
        "GOOGLE_CLIENT_ID": "client",
        "GOOGLE_CLIENT_SECRET": "secret",
        "TOKEN_KEYS": settings.token_keys[0],
        "PORT": port,
    }
    command: list[str] = json.loads(last("CMD"))
    command[command.index("0.0.0.0:8000")] = f"127.0.0.1:{port}"
    process = subprocess.Popen(command, cwd=app, env=environment, executable=which(path))
    try:
        wait_until(lambda: answers(port, "/health"), "the site of the image")
    finally:
        process.terminate()
        assert process.wait(60) == 0


def which(path: str) -> str:
    found = shutil.which("gunicorn", path=path)
    assert found is not None
    return found
