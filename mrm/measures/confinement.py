"""Limits a process puts on itself before it touches a model: standard library only.

Memory, processor time, files and file size by resource limits; sockets and new programs by a
system call filter; the network by an empty namespace where the system permits; and an audit hook
that refuses the same from Python on any system.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
from typing import Any

_NEW_NETWORK, _NEW_USER = 0x40000000, 0x10000000
_NO_NEW_PRIVILEGES, _SET_FILTER, _FILTER_MODE = 38, 22, 2
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000

# architecture token and the numbers of: socket socketpair connect bind listen accept accept4 sendto
# execve execveat ptrace process_vm_readv process_vm_writev io_uring_setup
_FILTERED: dict[str, tuple[int, tuple[int, ...]]] = {
    "x86_64": (0xC000003E, (41, 53, 42, 49, 50, 43, 288, 44, 59, 322, 101, 310, 311, 425)),
    "aarch64": (0xC00000B7, (198, 199, 203, 200, 201, 202, 242, 206, 221, 281, 117, 270, 271, 425)),
}
_REFUSED_EVENTS = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn", "pty.",
)  # fmt: skip


def confine(*, memory_mb: int, cpu_s: int, file_mb: int = 2_048, files: int = 256) -> str:
    """Apply every limit to this process for good; "isolated" or "refused" says how the network is cut.

    "isolated": the kernel gives it no network. "refused": only Python code is refused one.
    """
    _limit(resource.RLIMIT_AS, memory_mb * 2**20)
    _limit(resource.RLIMIT_CPU, cpu_s)
    _limit(resource.RLIMIT_FSIZE, file_mb * 2**20)
    _limit(resource.RLIMIT_NOFILE, files)
    _limit(resource.RLIMIT_CORE, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    namespace = _empty_network(libc)
    filtered = _filter_calls(libc)
    sys.addaudithook(_refuse)
    return "isolated" if namespace or filtered else "refused"


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (ceiling, ceiling))


def _empty_network(libc: ctypes.CDLL) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    flags = _NEW_NETWORK if os.geteuid() == 0 else _NEW_NETWORK | _NEW_USER
    return bool(libc.unshare(flags) == 0)


def _filter_calls(libc: ctypes.CDLL) -> bool:
    """Seccomp: the listed calls fail with EPERM; a foreign architecture ends the process."""
    known = _FILTERED.get(platform.machine()) if sys.platform.startswith("linux") else None
    if known is None or libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    token, calls = known
    steps = [(0x20, 0, 0, 4), (0x15, 1, 0, token), (0x06, 0, 0, _KILL), (0x20, 0, 0, 0)]
    steps.append((0x35, len(calls) + 1, 0, 0x40000000))
    steps += [(0x15, len(calls) - i, 0, call) for i, call in enumerate(calls)]
    steps += [(0x06, 0, 0, _ALLOW), (0x06, 0, 0, _REFUSE)]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    program = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(program))
    return bool(libc.prctl(_SET_FILTER, _FILTER_MODE, ctypes.c_char_p(header), 0, 0) == 0)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(_REFUSED_EVENTS) and event not in ("socket.__new__", "socket.gethostname"):
        raise PermissionError(f"{event} is refused where models run.")
    if event == "open" and isinstance(arguments[0], str) and _foreign_process(arguments[0]):
        raise PermissionError("Other processes may not be read where models run.")


def _foreign_process(path: str) -> bool:
    parts = os.path.normpath(path).split("/")
    return parts[1:2] == ["proc"] and len(parts) > 2 and parts[2].isdigit() and parts[2] != str(os.getpid())
