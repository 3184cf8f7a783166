"""Tasks, queues, the schedule and the workers fit together."""

import inspect
import re
import shlex
from collections import Counter
from itertools import pairwise
from typing import Any

import celeryconfig
from sandbox.runner.procfile import read_procfile
from tests.architecture.program import ROOT, modules
from worker.queues import Queue
from worker.resources import PodiumCelery
from worker.task import PodiumTask

NAME = re.compile(r"[a-z]+\.[a-z]+(_[a-z]+)*")
QUEUES = {str(queue) for queue in Queue}
SCHEDULE: dict[str, Any] = celeryconfig.beat_schedule


def ours(app: PodiumCelery) -> dict[str, Any]:
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def test_all_tasks_are_registered_under_a_noun_and_a_verb(worker_app: PodiumCelery) -> None:
    tasks = ours(worker_app)
    assert {"fitness.pull_batch", "leaderboards.flush", "competitions.sweep"} <= tasks.keys()
    for name, task in tasks.items():
        assert NAME.fullmatch(name), name
        assert isinstance(task, PodiumTask), name
        assert inspect.unwrap(task.run).__module__ == f"tasks.{name.partition('.')[0]}", name


def test_every_module_that_makes_tasks_is_loaded() -> None:
    makers = {
        f"tasks.{path.stem}"
        for path in modules("tasks")
        if re.search(r"^@task\(", path.read_text(), re.MULTILINE)
    }
    assert makers == set(celeryconfig.imports)


def test_arguments_are_ids_by_keyword(worker_app: PodiumCelery) -> None:
    for name, task in ours(worker_app).items():
        for parameter in inspect.signature(task.run).parameters.values():
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, name
            assert parameter.name.endswith(("_id", "_ids")), name
            assert parameter.annotation in {str, int, list[str], list[int]}, name


def test_every_task_is_routed_by_the_name_of_a_queue_alone(worker_app: PodiumCelery) -> None:
    assert all(route.keys() == {"queue"} for route in celeryconfig.task_routes.values())
    for name in ours(worker_app):
        queue = worker_app.amqp.router.route({}, name)["queue"]
        assert queue.name in QUEUES, name
        assert any(re.fullmatch(glob.replace("*", ".*"), name) for glob in celeryconfig.task_routes)


def test_queues_need_no_binding() -> None:
    assert {queue.name for queue in celeryconfig.task_queues} == QUEUES
    for queue in celeryconfig.task_queues:
        assert (queue.exchange.name, queue.routing_key) == ("", queue.name)


def test_every_queue_is_read_by_one_kind_of_worker() -> None:
    readers: Counter[str] = Counter()
    for command in read_procfile(ROOT / "Procfile").values():
        for option, value in pairwise(shlex.split(command)):
            if option == "-Q":
                readers.update(value.split(","))
    assert readers == dict.fromkeys(QUEUES, 1)


def test_the_schedule_names_tasks_that_there_are(worker_app: PodiumCelery) -> None:
    assert {entry["task"] for entry in SCHEDULE.values()} <= ours(worker_app).keys()


def test_a_tick_that_waited_too_long_is_dropped() -> None:
    for name, entry in SCHEDULE.items():
        options = entry["options"]
        assert 0 < options["expires"] < entry["schedule"], name
        assert options.keys() <= {"expires", "queue"}, name
        assert options.get("queue", Queue.SYNC) in QUEUES, name


def test_the_schedule_shows_that_every_queue_is_read(worker_app: PodiumCelery) -> None:
    """Readiness is read from what the tasks of the schedule leave behind."""
    shown = {
        entry["options"].get("queue")
        or worker_app.amqp.router.route({}, entry["task"])["queue"].name
        for entry in SCHEDULE.values()
        if entry["schedule"] <= 10
    }
    assert shown == QUEUES
