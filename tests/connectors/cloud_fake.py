"""What the fakes of cloud services share: a server on loopback, tokens that expire, errors, and the passing of time."""

import json
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.connectors.published import Published

Said = tuple[int, bytes | dict[str, Any]]


class Fault(Exception):
    """A refusal, which each service words in its own way."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class CloudFake(ABC):
    """`steps` looks pass until a change is in force. `published` is what every request and answer is held to."""

    published: Published
    token_path: str

    def __init__(self, steps: int = 2) -> None:
        self.steps = steps
        self.id, self.secret = "mrm-" + secrets.token_hex(4), secrets.token_urlsafe(24)
        self.tokens: set[str] = set()
        self.requests: list[str] = []
        self.lock = threading.Lock()
        self.local = threading.local()  # headers of the request that a thread is at, and those of its answer
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @abstractmethod
    def admits(self, headers: Mapping[str, str], form: Mapping[str, str]) -> bool:
        """Whether who asks for a token is who he says."""

    @abstractmethod
    def handle(self, method: str, path: str, query: dict[str, str], body: Any) -> Said:
        """One request of somebody known."""

    def opened(self, method: str, path: str, query: dict[str, str], content: bytes) -> Said:
        """The same while its body is not read yet: JSON, unless a fake knows better."""
        return self.handle(method, path, query, json.loads(content) if content else None)

    @abstractmethod
    def worded(self, fault: Fault) -> dict[str, Any]:
        """An error as this service writes it."""

    def require(self, value: Any, kind: str, *, answer: bool = False) -> Any:
        """The value, when the published description knows it like this."""
        problems = list(self.published.problems(value, kind, kind, answer=answer))
        assert not (answer and problems), problems  # the fake itself must not make things up
        if problems:
            raise Fault(400, "BadRequest", "; ".join(problems))
        return value

    def token(self, headers: Mapping[str, str], form: Mapping[str, str]) -> Said:
        if not self.admits(headers, form):
            return 401, {"error": "invalid_client", "error_description": "Nobody of that name and secret is known."}
        token = secrets.token_urlsafe(24)
        self.tokens.add(token)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 3599}

    def answer(self, method: str, target: str, headers: Mapping[str, str], content: bytes) -> Said:
        where = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(where.query).items()}
        with self.lock:
            try:
                if where.path == self.token_path:
                    form = {name: values[-1] for name, values in parse_qs(content.decode()).items()}
                    return self.token(headers, form)
                if headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
                    raise Fault(401, "Unauthorized", "The token is not known or has expired.")
                self.requests.append(f"{method} {where.path}")
                return self.opened(method, where.path, query, content)
            except Fault as fault:
                return fault.status, self.worded(fault)


def _handler(fake: CloudFake) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def one(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            fake.local.headers, fake.local.shown = headers, {}
            status, said = fake.answer(self.command, self.path, headers, content)
            answer = said if isinstance(said, bytes) else json.dumps(said).encode() if said else b""
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            for name, value in fake.local.shown.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

        do_GET = do_HEAD = do_PUT = do_PATCH = do_POST = do_DELETE = one  # noqa: N815  the server's names

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
