"""However a run ends, nothing of it is left."""

import signal
import time

import pytest

from tests.integration.runner.conftest import ACTOR, Run, eventually


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(run: Run, number: signal.Signals) -> None:
    (run.folder / "phones").write_text(f"{ACTOR} phones")
    run.procfile(
        web=f"{ACTOR} web",
        worker_sync=f"{ACTOR} worker-sync",
        beat=f"{ACTOR} beat",
        flower=f"{ACTOR} flower",
    )
    order = ["phones", "beat", "web", "worker-sync", "flower", "sandbox"]
    run.start_and_wait()
    assert eventually(lambda: {event.split()[0] for event in run.events} == set(order))
    assert run.ask_to_stop(number) == 0
    assert [event.split()[0] for event in run.events if event.endswith("SIGTERM")] == order
    assert run.alive() == []
    assert run.leftover_files() == set()


def test_who_does_not_listen_is_killed_with_its_children(run: Run) -> None:
    run.procfile(web=f"{ACTOR} web", worker_a=f"{ACTOR} a-stubborn", worker_b=f"{ACTOR} b-parent")
    run.start_and_wait()
    assert eventually(lambda: any(event.startswith("child-stubborn") for event in run.events))
    began = time.monotonic()
    assert run.ask_to_stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 15
    assert run.events.count("a-stubborn SIGTERM") == 1
    assert "child-stubborn SIGTERM" not in run.events
    assert "worker-a did not stop in time" in run.output
    assert run.alive() == []


def test_a_killed_runner_leaves_a_place_to_start_again(run: Run) -> None:
    run.procfile(web=f"{ACTOR} web", worker_a=f"{ACTOR} a-stubborn")
    run.start_and_wait()
    first = run.variables()
    run.process.kill()
    run.process.wait()
    run.start_and_wait()
    assert run.at("a-stubborn") == 1
    assert run.variables()["TOKEN_KEYS"] == first["TOKEN_KEYS"]
    assert run.ask_to_stop(signal.SIGTERM) == 0
    assert run.alive() == []
    assert run.leftover_files() == set()


def test_a_signal_while_it_starts_stops_it(run: Run) -> None:
    run.procfile(release="sleep 60", web=f"{ACTOR} web")
    run.start()
    assert eventually(lambda: run.at("sleep") > 0)
    assert run.ask_to_stop(signal.SIGINT) == 0
    assert run.alive() == []
    assert run.leftover_files() == set()
