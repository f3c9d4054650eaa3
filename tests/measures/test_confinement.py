"""What a confined process cannot do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import ctypes, json, os, resource, socket, subprocess, sys
from mrm.measures.confinement import confine
network = confine(memory_mb=512, cpu_s=5, file_mb=1)
def tried(action):
    try:
        action()
        return "done"
    except (OSError, MemoryError) as error:
        return type(error).__name__
def raw_socket():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.socket(2, 1, 0) < 0:
        raise PermissionError
def large_file():
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with open(sys.argv[1], "wb") as out:
        out.write(b"x" * (2 << 20))
print(json.dumps({
    "network": network,
    "connect": tried(lambda: socket.create_connection(("127.0.0.1", 9))),
    "raw": tried(raw_socket),
    "program": tried(lambda: subprocess.run(["true"])),
    "parent": tried(lambda: open(f"/proc/{os.getppid()}/environ").read()),
    "memory": tried(lambda: bytearray(1 << 30)),
    "file": tried(large_file),
    "limits": resource.getrlimit(resource.RLIMIT_CPU),
}))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    target = tmp_path_factory.mktemp("confined") / "large"
    env = {"PYTHONPATH": str(ROOT), "PATH": os.defpath}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(target)], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("what", "answer"),
    [
        ("network", "isolated"),
        ("connect", "PermissionError"),
        ("raw", "PermissionError"),
        ("program", "PermissionError"),
        ("parent", "PermissionError"),
        ("memory", "MemoryError"),
        ("file", "OSError"),
        ("limits", [5, 5]),
    ],
)
def test_confined(answers, what, answer):
    assert answers[what] == answer
