from pathlib import Path

import pytest

from sandbox.filelock import FileLock, LockHeld


def test_the_second_learns_who_holds_it(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "a.lock"), FileLock(tmp_path / "a.lock")
    first.acquire("process 1 since long ago")
    with pytest.raises(LockHeld) as refused:
        second.acquire("process 2")
    assert refused.value.holder == "process 1 since long ago"
    first.release()
    second.acquire("process 2")
    assert second.path.read_text() == "process 2\n"
    second.release()
    assert not second.path.exists()


def test_what_a_dead_holder_wrote_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.lock"
    path.parent.mkdir()
    path.write_text("process 99999999, a longer text than the next\n")
    lock = FileLock(path)
    lock.acquire("me")
    assert path.read_text() == "me\n"
    lock.release()
