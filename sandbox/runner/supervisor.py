"""Starts processes, keeps them running, and stops them in order."""

import time
from collections.abc import Mapping
from pathlib import Path

from sandbox.runner.leftovers import record
from sandbox.runner.process import Process, describe_exit
from sandbox.runner.terminal import Terminal

STAGES: tuple[tuple[str, float], ...] = (
    ("phones", 1.0),
    ("winners", 1.0),
    ("beat", 2.0),
    ("web", 6.0),
    ("worker", 5.0),
    ("flower", 2.0),
    ("sandbox", 1.0),
)
"""Who stops after whom, by name or the part before a dash, with the seconds each stage may take.

Those who ask for work end before those who do it, and the outside world ends last.
"""
ALL_STAGES_S = 12.0
"""What they may take together: a run stops within 15 s, and the embedded servers come after."""
LEAST_S = 0.5
"""What a slow stage leaves to each later one."""
OTHERS = "worker"


class ProcessDied(RuntimeError):
    """A process ended that should have gone on; the text says which, how, and its last lines."""

    def __init__(self, process: Process) -> None:
        self.name = process.name
        last = "\n".join(f"  {line}" for line in process.last_lines)
        how = describe_exit(process.exit_code)
        super().__init__(f"{process.name} ended with {how}{':' if last else ''}\n{last}".rstrip())


class Supervisor:
    """The processes of one run. Not for use by several threads."""

    def __init__(self, terminal: Terminal, root: Path, pid_file: Path) -> None:
        self.terminal = terminal
        self.env: Mapping[str, str] = {}
        self._root = root
        self._pid_file = pid_file
        self._processes: dict[str, Process] = {}
        self._due: dict[str, float] = {}

    def start(self, name: str, command: str) -> Process:
        """Start a shell command and keep it running."""
        process = Process(name, command, self.terminal.line)
        self._processes[name] = process
        self._launch(process)
        return process

    def check(self, but: Process | None = None) -> None:
        """Raise `ProcessDied` if one has ended, `but` that one may."""
        for process in self._processes.values():
            if process is not but and not process.running:
                process.clear()
                raise ProcessDied(process)

    def forget(self, process: Process) -> None:
        """Stop supervising one that was meant to end."""
        process.clear()
        del self._processes[process.name]

    def revive(self) -> None:
        """Start again what has ended, each after its delay. Call it often."""
        now = time.monotonic()
        for name, process in self._processes.items():
            if process.running:
                continue
            if name not in self._due:
                how, delay = describe_exit(process.exit_code), process.next_delay()
                process.clear()
                self.terminal.say(f"{name} ended with {how}; starting it again in {delay:.0f} s")
                self._due[name] = now + delay
            elif self._due[name] <= now:
                del self._due[name]
                self._launch(process)

    def stop(self) -> None:
        """End everything stage by stage, within `ALL_STAGES_S`."""
        deadline = time.monotonic() + ALL_STAGES_S
        for later, (stage, seconds) in zip(reversed(range(len(STAGES))), STAGES, strict=True):
            members = [each for each in self._processes.values() if _stage(each.name) == stage]
            left = deadline - time.monotonic() - later * LEAST_S
            self._stop_together(members, min(seconds, left))
        self._pid_file.unlink(missing_ok=True)

    def _stop_together(self, members: list[Process], seconds: float) -> None:
        for process in members:
            process.terminate()
        deadline = time.monotonic() + seconds
        for process in members:
            if not process.wait(deadline - time.monotonic()):
                self.terminal.say(f"{process.name} did not stop in time and is killed")
            self.forget(process)

    def _launch(self, process: Process) -> None:
        process.start(self.env, self._root)
        record(self._pid_file, self._processes.values())


def _stage(name: str) -> str:
    known = [stage for stage, _ in STAGES]
    part = name.partition("-")[0]
    return part if part in known else OTHERS
