"""How gunicorn serves the site: one gevent loop per process, for requests and sockets alike.

The number of processes is gunicorn's own variable WEB_CONCURRENCY, 1 by default.
"""

from gevent import monkey

# Before anything else is imported, so that psycopg, redis and requests wait without blocking.
monkey.patch_all()

import os  # noqa: E402  see above
import resource  # noqa: E402  see above
import shutil  # noqa: E402  see above
import tempfile  # noqa: E402  see above

# Prometheus asks one process; each counts in files of its own here, which that one adds up. The
# library looks for the folder when it is imported.
_counts = tempfile.mkdtemp(prefix="podium-counts-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _counts

from prometheus_client.multiprocess import mark_process_dead  # noqa: E402  see above

from domain.settings import load_or_exit  # noqa: E402  see above
from web.db import EXTENSION, Front  # noqa: E402  see above
from web.live.drain import see_off, watch  # noqa: E402  see above
from web.serving import Worker  # noqa: E402  see above

# Here a wrong variable ends the master with one line; in a worker it would be started again.
_settings = load_or_exit(os.environ)

# A socket is a file; the usual soft limit of 1024 would end at 1,000 watchers.
_most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
_wanted = min(_most, 65_536) if _most != resource.RLIM_INFINITY else 65_536
resource.setrlimit(resource.RLIMIT_NOFILE, (_wanted, _most))

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{_settings.port}"
worker_class = "web.serving.Worker"
worker_connections = 10_000
# Sockets live for days; a worker that is recycled would cut them all.
max_requests = 0
keepalive = 75
timeout = 30
graceful_timeout = 8
# A control channel that we do not use, on by default.
control_socket_disable = True
accesslog = None
errorlog = "-"
loglevel = "warning"

# Open sockets would hold up a shutdown for the whole graceful timeout.
worker_exit = see_off


def post_worker_init(worker: Worker) -> None:
    """Know who signs tokens before anybody comes.

    All who watched a process that has ended come to the new one within a second. Then its first
    fetch may be too slow, and for some seconds it would send everybody away.
    """
    front: Front = worker.wsgi.extensions[EXTENSION]
    front.tokens.prepare()
    watch(worker)


def child_exit(_server: object, worker: Worker) -> None:
    """Take a process's open connections out of the sum."""
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # it has no types


def on_exit(_server: object) -> None:
    """Leave nothing behind."""
    shutil.rmtree(_counts, ignore_errors=True)
