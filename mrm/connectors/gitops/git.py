"""The few git commands that the connector needs, in a bare repository that lives for one call.

No shell, no working tree, no configuration of the machine, no hooks, no helpers: the arguments are
fixed, content goes through stdin, and the credentials through the environment.
"""

import base64
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import certifi

from ..address import require_resolved
from ..errors import AuthFailed, Conflict, Invalid, NotFound, OutcomeUnknown, RateLimited, Transient

_AUTHENTICATION = re.compile(r"Authentication failed|could not read Username|returned error: 40[13]")
_UNREACHABLE = re.compile(
    r"Could ?n.t (resolve|connect)|Could not resolve|Failed to connect|Connection refused", re.IGNORECASE
)
_STATUS = re.compile(r"returned error: (\d{3})")
_RACED = re.compile(r"\[rejected\]|fetch first|non-fast-forward|cannot lock ref")


class Raced(Conflict):
    """Somebody pushed between our fetch and our push; nothing of ours is there."""


@dataclass(frozen=True)
class Remote:
    """Where the repository is and who we say we are. Its repr shows no secret."""

    url: str
    branch: str
    username: str
    password: "Password | None"
    ca_file: str | None
    seconds: float
    author: tuple[str, str]


class Password:
    """A secret that does not show."""

    def __init__(self, value: str) -> None:
        self._value = value

    def header(self, username: str) -> str:
        pair = base64.b64encode(f"{username}:{self._value}".encode()).decode()
        return f"Authorization: Basic {pair}"

    def __repr__(self) -> str:
        return "<password>"


class Repository:
    """The remote branch as fetched; `head` is None while the branch does not exist."""

    def __init__(self, folder: Path, remote: Remote, seconds: float) -> None:
        self._folder, self._remote, self._seconds = folder, remote, seconds
        self.head: str | None = None

    def fetch(self) -> None:
        """The tip of the branch, without its history."""
        branch = f"refs/heads/{self._remote.branch}"
        listed = self._remotely("ls-remote", self._remote.url, branch).split()
        if not listed:
            return
        self._remotely("fetch", "--quiet", "--depth=1", "--no-tags", self._remote.url, branch)
        self.head = self._git("rev-parse", "--verify", "FETCH_HEAD^{commit}").strip()

    def names(self, folder: str) -> list[str]:
        """Paths of all files below a folder."""
        if self.head is None:
            return []
        listed = self._git("ls-tree", "-r", "-z", "--name-only", self.head, "--", f"{folder}/")
        return [name for name in listed.split("\0") if name]

    def blob(self, path: str) -> tuple[str, bytes] | None:
        """The id and the content of a file, or None."""
        return self.blobs([path])[0]

    def blobs(self, paths: Sequence[str]) -> list[tuple[str, bytes] | None]:
        """Ids and contents of several files in one process, in the order asked for."""
        if self.head is None:
            return [None for _ in paths]
        asked = "".join(f"{self.head}:{path}\n" for path in paths)
        rest = self._raw("cat-file", "--batch", stdin=asked.encode())
        found: list[tuple[str, bytes] | None] = []
        for _ in paths:
            head, _, rest = rest.partition(b"\n")
            name, kind, *size = head.rsplit(b" ", 2)
            if kind != b"blob":
                found.append(None)
                continue
            found.append((name.decode(), rest[: int(size[0])]))
            rest = rest[int(size[0]) + 1 :]
        return found

    def commit(self, files: Mapping[str, bytes | None], message: str) -> str:
        """A commit on top of what was fetched; None removes a file."""
        if self.head is not None:
            self._git("read-tree", self.head)
        lines = [self._line(path, content) for path, content in files.items()]
        self._git("update-index", "--index-info", stdin="".join(lines).encode())
        tree = self._git("write-tree").strip()
        parents = ("-p", self.head) if self.head else ()
        return self._git("commit-tree", tree, *parents, "-F", "-", stdin=message.encode()).strip()

    def _line(self, path: str, content: bytes | None) -> str:
        if content is None:
            return f"0 {'0' * 40}\t{path}\n"
        return f"100644 {self._git('hash-object', '-w', '--stdin', stdin=content).strip()}\t{path}\n"

    def push(self, commit: str) -> None:
        """Never by force: a branch that moved refuses it, and nothing has happened."""
        where = f"{commit}:refs/heads/{self._remote.branch}"
        self._remotely("push", "--quiet", "--porcelain", "--no-verify", self._remote.url, where, changes=True)

    def _remotely(self, *arguments: str, changes: bool = False) -> str:
        parts = urlsplit(self._remote.url)
        require_resolved(str(parts.hostname), parts.port)
        try:
            done = self._run(*arguments)
        except subprocess.TimeoutExpired:
            kind = OutcomeUnknown if changes else Transient
            raise kind("The Git server did not answer in time.") from None
        if done.returncode:
            raise _error((done.stderr + done.stdout).decode(errors="replace"), changes)
        return done.stdout.decode(errors="replace")

    def _git(self, *arguments: str, stdin: bytes = b"") -> str:
        return self._raw(*arguments, stdin=stdin).decode(errors="replace")

    def _raw(self, *arguments: str, stdin: bytes = b"") -> bytes:
        done = self._run(*arguments, stdin=stdin)
        if done.returncode:
            raise Invalid(f"git {arguments[0]} failed: {_said(done.stderr.decode(errors='replace'))}")
        return done.stdout

    def _run(self, *arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            ["git", *arguments],
            cwd=self._folder,
            env=self._environment(),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=self._seconds,
        )

    def _environment(self) -> dict[str, str]:
        remote = self._remote
        settings = {
            "protocol.allow": "never",
            "protocol.http.allow": "always",
            "protocol.https.allow": "always",
            "http.followRedirects": "false",
            "http.sslCAInfo": remote.ca_file or certifi.where(),
            "http.proxy": "",
            "credential.helper": "",
            "core.hooksPath": os.devnull,
            "core.quotePath": "false",
            "commit.gpgSign": "false",
            "push.gpgSign": "false",
        }
        if remote.password is not None:
            settings["http.extraHeader"] = remote.password.header(remote.username)
        name, email = remote.author
        numbered = dict(enumerate(settings.items()))
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),
            "GIT_DIR": str(self._folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "LC_ALL": "C",
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": email,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": email,
            "GIT_CONFIG_COUNT": str(len(settings)),
            **{f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in numbered.items()},
            **{f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in numbered.items()},
        }


@contextmanager
def fetched(remote: Remote, seconds: float | None = None) -> Iterator[Repository]:
    """The remote branch in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mrm-git-") as folder:
        repository = Repository(Path(folder), remote, remote.seconds if seconds is None else seconds)
        repository._git("init", "--quiet", "--bare", "--initial-branch=none", folder)
        repository.fetch()
        yield repository


def _error(said: str, changes: bool) -> Exception:
    if changes and _RACED.search(said):
        return Raced("Somebody pushed to the branch at the same moment.")
    if changes and "[remote rejected]" in said:
        return Invalid(f"The Git server refused the push: {_said(said)}")
    if _AUTHENTICATION.search(said):
        return AuthFailed("The Git server did not accept the credentials.")
    status = int(found.group(1)) if (found := _STATUS.search(said)) else 0
    if status == 429:
        return RateLimited("The Git server asks to wait.", 1.0)
    if status == 404 or "not found" in said:
        return NotFound("The Git server knows no such repository.")
    if status >= 500 and not changes:
        return Transient(f"The Git server answered {status}.")
    if _UNREACHABLE.search(said):
        return Transient("The Git server cannot be reached.")
    if changes:
        return OutcomeUnknown(f"The push broke off; whether it happened is not known: {_said(said)}")
    if "unexpectedly" in said or "Empty reply" in said or "hung up" in said:
        return Transient("The Git server broke off the connection.")
    return Invalid(f"The Git server's answer is not understood: {_said(said)}")


def _said(text: str) -> str:
    return " ".join(text.split())[:300]
