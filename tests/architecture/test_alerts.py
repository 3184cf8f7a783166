"""Rules that watch, what they say to whoever is woken, and that Prometheus understands them."""

import re

import pytest

from tests.architecture.program import ROOT
from tests.promtool import RULES, alerts, needs_promtool, promtool

RUNBOOK = ROOT / "docs" / "runbook.md"
SECTION = re.compile(r"^### (\w+)\n\n(page|ticket)\. (.+?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)


def test_the_runbook_has_a_section_for_each_alert() -> None:
    sections = {
        name: (severity, rest) for name, severity, rest in SECTION.findall(RUNBOOK.read_text())
    }
    assert {name: severity for name, (severity, _) in sections.items()} == {
        rule["alert"]: rule["labels"]["severity"] for rule in alerts()
    }
    assert [name for name, (_, rest) in sections.items() if "\nMend: " not in rest] == []


@needs_promtool
@pytest.mark.parametrize("what", ["rules", "config"])
def test_prometheus_takes_them(what: str) -> None:
    path = RULES if what == "rules" else RULES.with_name("prometheus.yml")
    done = promtool("check", what, str(path))
    assert done.returncode == 0, done.stdout
    assert "SUCCESS" in done.stdout
