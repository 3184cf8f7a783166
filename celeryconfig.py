"""Celery's settings that do not depend on where it runs. Data only; tasks are named by string."""

from kombu import Queue

task_serializer = "json"
accept_content = ["json"]
enable_utc = True
timezone = "UTC"

# State is in our rows; nothing reads a result.
task_ignore_result = True

# Messages are hints: they may come twice, late or never, and rows decide what is to be done. So a
# message is acknowledged before its task runs: with late acknowledgement a worker whose broker goes
# away in the middle of a task ends on the way back (Celery 5.7.0, kombu 5.7.0).
task_acks_late = False
task_time_limit = 300
worker_prefetch_multiplier = 1
worker_cancel_long_running_tasks_on_connection_loss = False
worker_max_tasks_per_child = 500
worker_max_memory_per_child = 400_000
worker_hijack_root_logger = False
worker_send_task_events = True
task_send_sent_event = True
worker_soft_shutdown_timeout = 10
worker_enable_soft_shutdown_on_idle = True

broker_connection_retry_on_startup = True
broker_connection_max_retries = None
task_publish_retry_policy = {
    "max_retries": 3,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.5,
}

# The default exchange delivers by queue name and needs no binding that a flushed broker would lose.
task_queues = [
    Queue(name, routing_key=name)
    for name in ("sync", "boards", "competitions", "payouts", "housekeeping")
]
task_create_missing_queues = False
task_default_queue = "housekeeping"
task_default_exchange = ""
task_default_routing_key = "housekeeping"
task_routes = {
    "fitness.*": {"queue": "sync"},
    "leaderboards.*": {"queue": "boards"},
    "competitions.*": {"queue": "competitions"},
    "audits.*": {"queue": "competitions"},
    "flags.*": {"queue": "competitions"},
    "payouts.*": {"queue": "payouts"},
    "prizes.*": {"queue": "payouts"},
    "webhooks.*": {"queue": "payouts"},
    "housekeeping.*": {"queue": "housekeeping"},
    "ledger.*": {"queue": "housekeeping"},
    "erasures.*": {"queue": "housekeeping"},
}
imports = (
    "tasks.fitness",
    "tasks.flags",
    "tasks.leaderboards",
    "tasks.competitions",
    "tasks.audits",
    "tasks.payouts",
    "tasks.prizes",
    "tasks.webhooks",
    "tasks.ledger",
    "tasks.housekeeping",
    "tasks.erasures",
)

# Entries are dumb: each looks at rows. One that waited longer than its interval is dropped.
beat_max_loop_interval = 1
beat_schedule = {
    "sync sweep": {
        "task": "fitness.sweep",
        "schedule": 5.0,
        "options": {"expires": 4},
    },
    "scheduled pulls": {
        "task": "fitness.schedule",
        "schedule": 5.0,
        "options": {"expires": 4},
    },
    "board sweep": {
        "task": "leaderboards.sweep",
        "schedule": 5.0,
        "options": {"expires": 4},
    },
    "board comparison": {
        "task": "leaderboards.verify_due",
        "schedule": 60.0,
        "options": {"expires": 55},
    },
    "competition sweep": {
        "task": "competitions.sweep",
        "schedule": 5.0,
        "options": {"expires": 4},
    },
    "score audits": {
        "task": "audits.sweep",
        "schedule": 60.0,
        "options": {"expires": 59},
    },
    "device comparison": {
        "task": "flags.compare_devices",
        "schedule": 60.0,
        "options": {"expires": 55},
    },
    "prize sweep": {
        "task": "prizes.settle",
        "schedule": 5.0,
        "options": {"expires": 4},
    },
    "payout sweep": {
        "task": "payouts.sweep",
        "schedule": 5.0,
        "options": {"expires": 4},
    },
    "account looks": {
        "task": "payouts.look_at_accounts",
        "schedule": 600.0,
        "options": {"expires": 590},
    },
    "rail comparison": {
        "task": "payouts.reconcile",
        "schedule": 600.0,
        "options": {"expires": 590},
    },
    "webhook sweep": {
        "task": "webhooks.sweep",
        "schedule": 5.0,
        "options": {"expires": 4},
    },
    "ledger check": {
        "task": "ledger.verify_due",
        "schedule": 60.0,
        "options": {"expires": 55},
    },
    # The other queues show by their sweeps that they are read.
    "housekeeping pulse": {
        "task": "housekeeping.pulse",
        "schedule": 5.0,
        "options": {"expires": 4},
    },
    "erasure sweep": {
        "task": "erasures.sweep",
        "schedule": 5.0,
        "options": {"expires": 4},
    },
    "clean-up": {
        "task": "housekeeping.clean_up",
        "schedule": 600.0,
        "options": {"expires": 590},
    },
}
