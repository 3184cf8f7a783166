import io

import pytest

from sandbox.runner.terminal import Terminal


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_stand_behind_their_names() -> None:
    out = io.StringIO()
    terminal = Terminal(["web", "worker-sync"], out)
    terminal.line("web", "hello")
    terminal.say("ready")
    assert out.getvalue() == "web         | hello\npodium      | ready\n"


def test_a_screen_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Screen()
    Terminal(["web"], out).line("web", "hello")
    assert out.getvalue() == "\x1b[36mweb   \x1b[0m | hello\n"


def test_a_closed_pipe_stops_nothing() -> None:
    class Closed(io.StringIO):
        tries = 0

        def write(self, _text: str) -> int:
            self.tries += 1
            raise BrokenPipeError

    out = Closed()
    terminal = Terminal(["web"], out)
    terminal.say("first")
    terminal.say("second")
    assert out.tries == 2
