"""`docker-compose.yml` is a valid Compose file and says the same as the Procfile."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for

from sandbox.runner.procfile import read_procfile

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def schema() -> Any:
    """The Compose Specification's own schema, as `check-jsonschema` ships it."""
    package = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    return json.loads(package.read_text())


def test_it_is_a_compose_file(compose: Any, schema: Any) -> None:
    validator_for(schema).check_schema(schema)
    assert list(validator_for(schema)(schema).iter_errors(compose)) == []


def test_a_wrong_key_would_be_seen(compose: Any, schema: Any) -> None:
    broken = {**compose, "services": {"web": {"imaje": "podium"}}}
    assert list(validator_for(schema)(schema).iter_errors(broken)) != []


def test_it_runs_what_the_procfile_runs(compose: Any) -> None:
    for name, command in read_procfile(ROOT / "Procfile").items():
        if name == "web":
            continue  # the image's own command; in a container it listens on every address
        words = compose["services"][name]["command"]
        shown = " ".join(words).removeprefix("sh -c exec ")
        wanted = re.sub(r"\$\{(\w+):-\w+\}", r"$$\1", command)
        assert shown == wanted


def test_it_hands_on_every_variable(compose: Any) -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    listed = {match[1] for line in lines if (match := re.match(r"#?([A-Z_]+)=", line))}
    services = compose["services"].values()
    handed_on = {name for service in services for name in service.get("environment", {})}
    assert listed <= handed_on


def test_ports_are_open_on_the_loopback_only(compose: Any) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
