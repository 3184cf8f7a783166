from pathlib import Path

import pytest

from sandbox.runner.procfile import ProcfileError, read_procfile

ROOT = Path(__file__).parents[3]


def test_names_and_commands_in_order(tmp_path: Path) -> None:
    path = tmp_path / "Procfile"
    path.write_text("# all of it\n\nweb: serve --port $PORT\nworker-a:  work: hard \n")
    assert list(read_procfile(path).items()) == [
        ("web", "serve --port $PORT"),
        ("worker-a", "work: hard"),
    ]


@pytest.mark.parametrize("text", ["web serve\n", "web: a\nweb: b\n", "web:\n"])
def test_a_bad_line_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "Procfile"
    path.write_text(text)
    with pytest.raises(ProcfileError, match=r"^Procfile, line \d: web"):
        read_procfile(path)


def test_the_project_s_own_has_the_names_of_the_contract() -> None:
    names = ["release", "web", "worker-sync", "worker-boards", "worker-money", "beat", "flower"]
    assert list(read_procfile(ROOT / "Procfile")) == names
