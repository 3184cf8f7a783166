"""Flower's settings: look, don't touch."""

import os

from domain.settings import load_or_exit

_settings = load_or_exit(os.environ)

# It shows task names to everybody who can reach it.
address = os.environ.get("FLOWER_ADDRESS", "127.0.0.1")
port = _settings.flower_port
if _settings.flower_basic_auth:
    basic_auth = [_settings.flower_basic_auth]
# Flower can otherwise run tasks and stop workers.
read_only = True
max_tasks = 10_000
purge_offline_workers = 300
inspect_timeout = 3000.0
