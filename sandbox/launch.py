"""Turns into another program that ends when its starter ends.

Run as a script, never imported: `python -I -S launch.py STARTER_PID SIGNAL UID:GID PROGRAM ARG...`
(`-` for UID:GID keeps the user). The death signal must be asked for in the new process, after the
change of user, which clears it.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(starter: int, death_signal: int, account: str, argv: list[str]) -> None:
    if account != "-":
        uid, gid = (int(part) for part in account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
        if os.getppid() != starter:
            sys.exit("the starter ended first")
    os.execvp(argv[0], argv)  # noqa: S606 - becoming that program is the purpose


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
