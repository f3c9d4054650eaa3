"""A real bare repository behind git's own HTTP backend, with a password, on loopback."""

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

USER = "mrm"
_CLEAN = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
_PERSON = {f"GIT_{who}_{what}": "somebody@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class GitServer:
    """One repository, one password."""

    def __init__(self, root: Path, password: str) -> None:
        self.root, self.password = root, password
        self.bare = root / "fleet.git"
        self.run("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare))
        self.run("-C", str(self.bare), "config", "http.receivepack", "true")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}/fleet.git"

    def __enter__(self) -> "GitServer":
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def run(self, *arguments: str) -> str:
        environment = os.environ | _CLEAN | _PERSON
        done = subprocess.run(["git", *arguments], env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    def show(self, path: str) -> str:
        return self.run("-C", str(self.bare), "show", f"main:{path}")

    def edit(self, path: str, change: Any) -> None:
        """Somebody clones, edits one file and pushes."""
        place = self.root / f"clone-{os.urandom(4).hex()}"
        self.run("clone", "--quiet", "--branch=main", str(self.bare), str(place))
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(change(target.read_text() if target.exists() else ""))
        self.run("-C", str(place), "add", path)
        self.run("-C", str(place), "commit", "--quiet", "-m", "by hand")
        self.run("-C", str(place), "push", "--quiet", "origin", "HEAD:main")


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    wanted = "Basic " + base64.b64encode(f"{USER}:{server.password}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def one(self) -> None:
            body = self._body()
            if self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="fleet"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            where = urlsplit(self.path)
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": where.path,
                "QUERY_STRING": where.query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": USER,
                "REMOTE_ADDR": "127.0.0.1",
                **_CLEAN,
            }
            done = subprocess.run(
                ["git", "http-backend"], env=environment, input=body, capture_output=True, check=False
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = one  # noqa: N815  the server's names

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            return body

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
