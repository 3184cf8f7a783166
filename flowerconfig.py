"""Flower's settings: look, don't touch."""

import os

from domain.settings import load_or_exit

_settings = load_or_exit(os.environ)

port = _settings.flower_port
basic_auth = [_settings.flower_basic_auth] if _settings.flower_basic_auth else None
# Flower can otherwise run tasks and stop workers.
read_only = True
max_tasks = 10_000
purge_offline_workers = 300
inspect_timeout = 3000
