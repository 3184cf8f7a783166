"""The Celery application: `celery -A worker.app ...`."""

import gc
import os
import sys
from typing import Any

from celery.signals import setup_logging, worker_process_init, worker_process_shutdown

from domain.settings import Settings, load_or_exit
from worker.broker import leave_unacked_messages, transport_options
from worker.logs import configure_logging
from worker.reports import reports
from worker.resources import PodiumCelery, Resources
from worker.traces import traces

SWITCH_SECONDS = 0.0005
"""For which a thread keeps Python to itself. The thread that writes a batch asks for it after every
statement, while the one that fetches the next has no reason to let go; Python's 5 ms are longer
than most statements."""

YOUNG_OBJECTS = 10_000
"""After how many new ones Python looks for circles among them. A batch has thousands at a time that
are in none, and with Python's 700 each of them is looked at again and again."""


def make_app(settings: Settings) -> PodiumCelery:
    """Return an application for `settings`, with its resources attached."""
    leave_unacked_messages()
    app = PodiumCelery("podium", task_cls="worker.task:PodiumTask", set_as_current=True)
    app.config_from_object("celeryconfig")
    app.conf.update(
        broker_url=settings.celery_broker_url,
        broker_transport_options=transport_options(settings.celery_broker_url),
    )
    app.resources = Resources(settings, app)
    return app


def settle_heap() -> None:
    """Collect less: what was imported never dies, and what is made for a batch dies by itself."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def __getattr__(name: str) -> Any:
    """Make `app` when a command asks for it, so that importing this module reads nothing."""
    if name != "app":
        raise AttributeError(name)
    settings = load_or_exit(os.environ)
    app = globals()["app"] = make_app(settings)
    _connect_signals(app, settings)
    return app


def _connect_signals(app: PodiumCelery, settings: Settings) -> None:
    @setup_logging.connect(weak=False)
    def configure(**_: object) -> None:
        configure_logging(settings.log_level, settings.log_format)
        reports.begin(settings)

    @worker_process_init.connect(weak=False)
    def after_fork(**_: object) -> None:
        app.resources.forget()
        traces.begin(settings, f"worker-{next(iter(app.amqp.queues.consume_from))}")
        settle_heap()
        sys.setswitchinterval(SWITCH_SECONDS)

    @worker_process_shutdown.connect(weak=False)
    def before_the_end(**_: object) -> None:
        traces.end()
        reports.end()
