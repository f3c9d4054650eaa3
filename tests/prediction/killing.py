"""Take the spool again and again, killed each time one statement later, until a process gets through."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import django

STEP = 3


def attempt(folder: Path, at: int) -> bool:
    """A process of its own that is killed at its n-th line within the services; whether it got through."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return status == 0
    from mrm.prediction import services

    place, seen = f"{Path(services.__file__).parent}/", 0

    def watch(frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal seen
        if not frame.f_code.co_filename.startswith(place):
            return None
        seen += event == "line"
        if seen >= at:
            os.kill(os.getpid(), signal.SIGKILL)
        return watch

    sys.settrace(watch)
    services.take([folder])
    sys.settrace(None)
    os._exit(0)


def main() -> int:
    django.setup()
    tried = 1
    while not attempt(Path(sys.argv[1]), tried * STEP):
        tried += 1
    sys.stdout.write(str(tried))
    return 0


if __name__ == "__main__":
    sys.exit(main())
