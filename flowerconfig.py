"""Flower's settings: look, don't touch."""

import inspect
import os
import sys
from functools import cache
from typing import TYPE_CHECKING

from celery import current_app

from domain.settings import load_or_exit

if TYPE_CHECKING:
    from celery.events.state import Task

_settings = load_or_exit(os.environ)

# It shows task names to everybody who can reach it.
address = os.environ.get("FLOWER_ADDRESS", "127.0.0.1")
port = _settings.flower_port
# Behind a proxy, the path under which it passes Flower on.
url_prefix = os.environ.get("FLOWER_URL_PREFIX", "")
if _settings.flower_basic_auth:
    basic_auth = [_settings.flower_basic_auth]
elif url_prefix:
    sys.exit("podium: FLOWER_BASIC_AUTH: is not set, and a proxy passes Flower on")
# Flower can otherwise run tasks and stop workers.
read_only = True
max_tasks = 10_000
purge_offline_workers = 300
inspect_timeout = 3000.0
# Our tasks have no positional arguments; what each is for stands there instead.
tasks_columns = "name,args,kwargs,state,received,runtime,worker"


@cache
def meaning(name: str) -> str:
    """Return the first line of a task's own text."""
    current_app.loader.import_default_modules()
    found = current_app.tasks.get(name)
    text = inspect.getdoc(found.run) if found is not None else None
    return text.partition("\n")[0] if text else ""


def format_task(task: "Task") -> "Task":
    """Say of a task in the list what it is for."""
    task.args = meaning(task.name or "") or task.args
    return task
