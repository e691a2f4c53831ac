"""Becomes another program, after tying its life to ours and giving up root where PostgreSQL asks for it.

Run as a script (`python -I -S launch.py SIGNAL MODE PARENT [PROGRAM ARGUMENT...]`), never imported by a server: what
`preexec_fn` would do between fork and exec is not safe in a process with threads, and in Python 3.12 warns.

SIGNAL: sent by the kernel when the parent dies, even by kill -9 (Linux; elsewhere the next start sweeps up). 0: none.
MODE: `same`, `namespace` (root maps itself to nobody in a user namespace: files stay root's), `nobody` (new user).
PARENT: the parent's process id, to notice that it died before the kernel was told. 0: not checked.
Without PROGRAM it only tries MODE and tells by its exit code whether that works.
"""

import ctypes
import os
import pwd
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
NOBODY = 65534


def enter_user_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1", encoding="ascii")


def become_nobody() -> None:
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


def die_with_parent(signal_number: int, parent: int) -> None:
    if signal_number and sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if parent and os.getppid() != parent:
        sys.exit("the process that started this one is gone")


def main(arguments: list[str]) -> None:
    signal_number, mode, parent, program = int(arguments[0]), arguments[1], int(arguments[2]), arguments[3:]
    if mode == "namespace":
        enter_user_namespace()
    elif mode == "nobody":
        become_nobody()
    die_with_parent(signal_number, parent)
    if program:
        os.execv(program[0], program)  # noqa: S606 -- replacing this process is the purpose; the program is ours
    sys.exit(0 if mode == "same" or os.geteuid() != 0 else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
