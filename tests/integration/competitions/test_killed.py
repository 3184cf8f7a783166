"""A sweep killed between any two of its statements: the next goes on, and nothing is doubled."""

import os
import random
from itertools import count

import pytest

from domain.competitions import freezing
from domain.settings import Settings
from tests.dying import Step, dies, watch
from tests.integration.competitions.conftest import WHOLE_LIFE, Life
from worker.app import make_app

PEOPLE = 2_000
MOST_SURE = 40
"""Every sweep that closes them has at least so many steps."""


@pytest.fixture(autouse=True)
def several_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four full pages and an empty one."""
    monkeypatch.setattr(freezing, "PAGE_ROWS", PEOPLE // 4)


def sweep_and_die(settings: Settings, steps: int) -> bool:
    """Sweep in a process that is killed before its step number `steps`; say whether it was."""

    def sweep(step: Step) -> None:
        app = make_app(settings)
        app.loader.import_task_module("tasks.competitions")
        watch(app.resources.engine, step)
        app.tasks["competitions.sweep"]()

    return dies(steps, sweep)


def check_killed_at(life: Life, settings: Settings, step: int) -> bool:
    """Close 2,000 people with a death at one step; return whether that step was reached."""
    competition = life.over(PEOPLE)
    died = sweep_and_die(settings, step)
    # The server may not have noticed yet that the dead one's locks are free.
    for _ in range(200):
        life.sweep()
        if life.status(competition) == "final":
            break
    assert sorted(life.steps(competition)) == sorted(WHOLE_LIFE)
    assert life.versions(competition) == [(1, True)]
    frozen = life.frozen(competition)
    assert len(frozen) == PEOPLE
    assert frozen == life.ranking(competition)
    return died


def test_a_sweep_killed_at_some_steps(life: Life, settings: Settings) -> None:
    for step in random.Random(os.getpid()).sample(range(1, MOST_SURE), 4):
        check_killed_at(life, settings, step)


@pytest.mark.soak
def test_a_sweep_killed_at_every_step(life: Life, settings: Settings) -> None:
    step = next(one for one in count(1) if not check_killed_at(life, settings, one))
    assert step > MOST_SURE
