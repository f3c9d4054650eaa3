"""A folder that is only added to: on another host, or a bucket whose objects are locked. Any address fsspec knows."""

import os
import re
from typing import Any

import fsspec

from mrm.audit.anchors.anchorage import Ahead, Anchorage, AnchorProblem, Contradiction, Seen, Signed, checkpoint_of
from mrm.audit.anchors.places import Place


class Folder(Anchorage):
    """Keeps each note in <origin>/<size>. The token is the note: what holds is read back from the folder."""

    offline = False

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._highest: dict[str, int] = {}

    def anchor(self, signed: Signed) -> bytes:
        content, checkpoint = signed.note.encode(), signed.checkpoint
        if checkpoint.origin not in self._highest:
            self._highest[checkpoint.origin] = self.latest(signed.note) or 0
        if (highest := self._highest[checkpoint.origin]) > checkpoint.size:
            raise Ahead(f"The folder {self.place.shown}", highest, checkpoint.size)
        path = self._path(checkpoint.origin, checkpoint.size)
        if self._read(path) is None:
            self._write(path, content)
        self.verify(content, signed.note)
        self._highest[checkpoint.origin] = checkpoint.size
        return content

    def verify(self, token: bytes, note: str) -> Seen:
        checkpoint = checkpoint_of(note)
        path = self._path(checkpoint.origin, checkpoint.size)
        kept = self._read(path)
        if kept is None:
            raise Contradiction(f"The folder {self.place.shown} does not hold {path} any more.")
        if kept != note.encode() or token != kept:
            raise Contradiction(
                f"The file {path} in the folder {self.place.shown} is not the checkpoint of size {checkpoint.size} that"
                " this log signed."
            )
        return Seen(self.place.shown)

    def latest(self, note: str) -> int | None:
        folder = _folder(checkpoint_of(note).origin)
        system, root = self._system()
        try:
            system.invalidate_cache()
            names = [os.path.basename(path) for path in system.ls(f"{root}/{folder}", detail=False)]  # noqa: PTH119  an address
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreachable(error) from error
        return max((int(name) for name in names if re.fullmatch("0|[1-9][0-9]*", name)), default=None)

    def _path(self, origin: str, size: int) -> str:
        return f"{_folder(origin)}/{size}"

    def _read(self, path: str) -> bytes | None:
        system, root = self._system()
        try:
            with system.open(f"{root}/{path}", "rb") as file:
                content: bytes = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreachable(error) from error
        return content

    def _write(self, path: str, content: bytes) -> None:
        """In a new file; where one appeared meanwhile, it is left as it is."""
        system, root = self._system()
        try:
            if system.protocol[0] == "file" and not self.place.ours and not system.isdir(root):
                # making it would write to our own disk what belongs on one that is not mounted
                raise AnchorProblem(f"There is no folder {self.place.shown}; mount it, or make it.")
            system.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)  # noqa: PTH120  an address
            with system.open(f"{root}/{path}", "xb") as file:
                file.write(content)
                if system.protocol[0] == "file":
                    file.flush()
                    os.fsync(file.fileno())
        except FileExistsError:
            return
        except OSError as error:
            raise self._unreachable(error) from error

    def _system(self) -> tuple[Any, str]:
        try:
            system, root = fsspec.core.url_to_fs(self.place.address)
        except (ImportError, ValueError) as error:
            raise AnchorProblem(f"The folder {self.place.shown} cannot be used: {error}") from error
        return system, root.rstrip("/")

    def _unreachable(self, error: OSError) -> AnchorProblem:
        return AnchorProblem(f"The folder {self.place.shown} cannot be used: {error.strerror or error}.")


def _folder(origin: str) -> str:
    """The origin as one name of a folder."""
    return re.sub("[^A-Za-z0-9._-]", "_", origin).lstrip(".") or "_"
