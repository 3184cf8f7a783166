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


def test_only_the_proxy_is_open_to_the_outside(compose: Any) -> None:
    ports = {name: service.get("ports", []) for name, service in compose["services"].items()}
    outside = {
        name
        for name, open_ports in ports.items()
        for port in open_ports
        if not port.startswith("127.0.0.1:")
    }
    assert outside == {"proxy"}
    assert all(service.get("network_mode") != "host" for service in compose["services"].values())


def test_every_service_has_a_limit_and_shows_its_health(compose: Any) -> None:
    services = compose["services"]
    limited = {name for name, one in services.items() if one["deploy"]["resources"]["limits"]}
    assert limited == set(services)
    ends = {"release", "backup", "people"}  # two are over soon, the third only shows something
    assert {name for name, one in services.items() if "healthcheck" not in one} == ends


def test_nobody_gains_rights(compose: Any) -> None:
    for service in compose["services"].values():
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged")


def test_what_is_mounted_is_there(compose: Any) -> None:
    mounts = [
        mount.split(":")[0]
        for service in compose["services"].values()
        for mount in service.get("volumes", [])
    ]
    named = [mount for mount in mounts if not mount.startswith("./")]
    assert set(named) == set(compose["volumes"])
    assert all((ROOT / mount).exists() for mount in mounts if mount.startswith("./"))
