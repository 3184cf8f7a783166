"""A wrong variable stops each process at its start with one line that names it."""

import os
import subprocess
import sys

import pytest

from sandbox.runner.environment import process_environment
from tests.acceptance.stack import ROOT
from tests.unit.test_settings import GOOD

pytestmark = pytest.mark.acceptance

COMMANDS = {
    "web": "gunicorn --config gunicorn.conf.py web:create_app()",
    "worker": "celery --quiet -A worker.app worker -Q sync",
    "beat": "celery --quiet -A worker.app beat -S worker.scheduler:LeaderScheduler",
    "release": "alembic upgrade head",
    "flower": "celery -A worker.app flower --conf=flowerconfig.py",
}


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("web", "DATABASE_URL", "mysql://x"),
        ("worker", "REDIS_URL", "http://x"),
        ("beat", "TOKEN_KEYS", "short"),
        ("release", "DATABASE_URL", ""),
        ("flower", "SUPABASE_URL", "x"),
    ],
)
def test_a_process_names_a_wrong_variable(name: str, variable: str, value: str) -> None:
    inherited = {key: os.environ[key] for key in ("HOME", "PATH") if key in os.environ}
    ended = subprocess.run(
        COMMANDS[name].split(),
        cwd=ROOT,
        env=process_environment({**inherited, **GOOD, variable: value}, ROOT),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        executable=os.path.join(os.path.dirname(sys.executable), COMMANDS[name].split()[0]),  # noqa: PTH118, PTH120
    )
    assert ended.returncode != 0
    lines = [line for line in (ended.stdout + ended.stderr).splitlines() if "podium:" in line]
    assert len(lines) == 1, ended.stdout + ended.stderr
    assert lines[0].startswith(f"podium: {variable}: ")
    assert "Traceback" not in ended.stderr
