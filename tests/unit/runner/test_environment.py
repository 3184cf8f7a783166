import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from dotenv import dotenv_values

from sandbox.ports import free_port
from sandbox.runner.environment import (
    BadVariable,
    calmed,
    choose_ports,
    fill_in,
    given,
    process_environment,
    token_key,
    write_private,
)

PORTS = {"PORT": "8001", "SANDBOX_PORT": "8002", "FLOWER_PORT": "8003"}
SERVERS = {"DATABASE_URL": "postgresql://embedded", "REDIS_URL": "redis://embedded"}


def test_the_environment_counts_more_than_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=1\nLOG_LEVEL=DEBUG\nSENTRY_DSN=\n")
    assert given({"PORT": "2", "LOG_FORMAT": ""}, tmp_path) == {"PORT": "2", "LOG_LEVEL": "DEBUG"}


def test_ports_that_are_not_set_are_free_and_different() -> None:
    ports = choose_ports({"PORT": "0"})
    assert len(set(ports.values())) == 3
    assert all(0 < int(port) < 65536 for port in ports.values())


def test_a_port_that_is_set_is_kept() -> None:
    wanted = str(free_port())
    assert choose_ports({"FLOWER_PORT": wanted})["FLOWER_PORT"] == wanted


@pytest.mark.parametrize("value", ["web", "-1", "65536", "8000.0"])
def test_what_is_no_port_is_refused(value: str) -> None:
    with pytest.raises(BadVariable, match=r"^SANDBOX_PORT: must be a port"):
        choose_ports({"SANDBOX_PORT": value})


def test_only_what_is_not_set_is_filled_in(tmp_path: Path) -> None:
    environ = {
        **PORTS,
        "DATABASE_URL": "postgresql://mine",
        "GOOGLE_FIT_URL": "http://vendor.test",
        "SENTRY_DSN": "http://errors.test/1",
        "HOME": "/home/walker",
    }
    filled = fill_in(environ, {"REDIS_URL": "redis://embedded"}, tmp_path)
    key = filled.pop("TOKEN_KEYS")
    assert filled == {
        **PORTS,
        "DATABASE_URL": "postgresql://mine",
        "REDIS_URL": "redis://embedded",
        "SUPABASE_URL": "http://127.0.0.1:8002",
        "GOOGLE_CLIENT_ID": "sandbox-client",
        "GOOGLE_CLIENT_SECRET": "sandbox-secret",
        "GOOGLE_TOKEN_URL": "http://127.0.0.1:8002/token",
        "GOOGLE_REVOKE_URL": "http://127.0.0.1:8002/revoke",
        "GOOGLE_FIT_URL": "http://vendor.test",
        "STRIPE_API_KEY": "sk_test_sandbox",
        "STRIPE_API_URL": "http://127.0.0.1:8002",
        "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
        "SENTRY_DSN": "http://errors.test/1",
        "CORS_ORIGINS": "http://127.0.0.1:8001,http://localhost:8001",
        "LOG_FORMAT": "console",
    }
    assert Fernet(key).encrypt(b"")
    assert fill_in(environ, {}, tmp_path)["TOKEN_KEYS"] == key


def test_no_key_is_made_when_one_is_set(tmp_path: Path) -> None:
    filled = fill_in({**PORTS, "TOKEN_KEYS": "mine"}, SERVERS, tmp_path)
    assert filled["TOKEN_KEYS"] == "mine"
    assert list(tmp_path.iterdir()) == []


def test_the_key_is_private(tmp_path: Path) -> None:
    token_key(tmp_path / "token.key")
    assert stat.S_IMODE((tmp_path / "token.key").stat().st_mode) == 0o600


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.env"
    path.write_text("OLD=1\nOLDER=1\n")
    write_private(path, "NEW='a b'\n")
    assert dotenv_values(path) == {"NEW": "a b"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.env"]


def test_processes_find_the_project_and_its_programs(tmp_path: Path) -> None:
    env = process_environment({"PATH": "/bin", "PYTHONPATH": "/mine"}, tmp_path)
    assert env["PYTHONPATH"] == f"{tmp_path}:/mine"
    assert env["PATH"].endswith(":/bin")
    assert env["PYTHONUNBUFFERED"] == "1"


def test_the_site_is_calm_unless_asked_to_talk() -> None:
    commands = {"web": "gunicorn", "worker-sync": "celery"}
    assert calmed(commands, {}) == {**commands, "web": "env LOG_LEVEL=WARNING gunicorn"}
    assert calmed(commands, {"LOG_LEVEL": "INFO"}) == commands
