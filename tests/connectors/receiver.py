"""A small real receiver of signed deployments: it verifies, stores, hashes again, and answers."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from jsonschema import Draft202012Validator

from mrm.connectors.values import artifact_digest
from mrm.connectors.webhook.contract import DESIRED
from mrm.connectors.webhook.signing import WINDOW_SECONDS, message

Verify = Callable[[bytes, str], bool]
Reply = tuple[int, dict[str, Any]]


def shared_secret(secret: str) -> Verify:
    def verify(content: bytes, signature: str) -> bool:
        scheme, _, given = signature.partition("=")
        wanted = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
        return scheme == "hmac-sha256" and hmac.compare_digest(given, wanted)

    return verify


class Receiver:
    """Endpoints and files in memory; an apply is done at the second look when `slow`."""

    def __init__(self, verify: Verify, clock: Callable[[], float] = time.time, slow: bool = False) -> None:
        self.verify, self.clock, self.slow = verify, clock, slow
        self.states: dict[str, dict[str, Any]] = {}
        self.pending: dict[str, dict[str, Any]] = {}
        self.files: dict[tuple[str, str], bytes] = {}
        self.numbers: set[str] = set()
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def refusal(self, method: str, path: str, headers: dict[str, str], body: bytes) -> str:
        moment, number = headers.get("mrm-timestamp", ""), headers.get("mrm-number", "")
        content, key = headers.get("mrm-content-sha256", ""), headers.get("idempotency-key", "")
        if not self.verify(message(method, path, moment, number, content, key), headers.get("mrm-signature", "")):
            return "The signature does not fit."
        if abs(self.clock() - int(moment)) > WINDOW_SECONDS:
            return f"The request is {abs(self.clock() - int(moment)):.0f} seconds away from this clock."
        if number in self.numbers:
            return "The request was seen before."
        self.numbers.add(number)
        return "" if hashlib.sha256(body).hexdigest() == content else "The body is not the signed one."

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        with self.lock:
            refusal = self.refusal(method, path, headers, body)
            if refusal:
                return 401, {"error": refusal}
            parts = [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]
            if parts == [""]:
                return 200, {"name": "receiver", "version": "1"}
            if parts[0] == "artifacts":
                return self.artifact(method, (parts[1], parts[2]), body)
            if parts[0] == "operations":
                return self.finish(parts[1])
            if len(parts) == 1:
                return self.listing(parse_qs(urlsplit(path).query))
            return getattr(self, method.lower())(parts[1], headers, body)

    def artifact(self, method: str, key: tuple[str, str], body: bytes) -> Reply:
        if method == "PUT":
            self.files[key] = body
        intact = hashlib.sha256(self.files.get(key, b"")).hexdigest() == key[0]
        return (200, {"name": "receiver", "version": "1"}) if intact else (404, {"error": "no such file"})

    def get(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        if endpoint not in self.states:
            return 404, {"error": f"nothing runs at {endpoint}"}
        return 200, self.shown(self.states[endpoint])

    def put(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        plan = json.loads(body)
        if error := next(Draft202012Validator(DESIRED).iter_errors(plan), None):
            return 422, {"error": error.message}
        standing = self.states.get(endpoint)
        wanted = headers.get("if-match", "").strip('"')
        if (standing or wanted) and wanted != (standing and etag(standing)):
            return 412, {"error": "The state has changed."}
        if not self.slow:
            self.states[endpoint] = plan
            return 200, {"done": True, "message": "It runs."}
        handle = headers["idempotency-key"]
        self.pending[handle] = plan
        return 200, {"done": False, "message": "It starts.", "handle": handle, "poll_after": 0.05}

    def finish(self, handle: str) -> Reply:
        if handle in self.pending:
            plan = self.pending.pop(handle)
            self.states[plan["endpoint"]] = plan
        return 200, {"done": True, "message": "It runs."}

    def delete(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        if self.states.pop(endpoint, None) is None:
            return 404, {"error": f"nothing runs at {endpoint}"}
        return 200, {"done": True, "message": "It is gone."}

    def listing(self, query: dict[str, list[str]]) -> Reply:
        limit, after = int(query["limit"][0]), query.get("after", [""])[0]
        rest = sorted(name for name in self.states if name > after)
        page = rest[:limit]
        states = [self.shown(self.states[name]) for name in page]
        return 200, {"endpoints": states, "next": page[-1] if len(rest) > limit else None}

    def shown(self, plan: dict[str, Any]) -> dict[str, Any]:
        kept = ("role", "model", "version", "weight_bp")
        variants = [
            {k: item[k] for k in kept} | {"digest": self.digest(item), "ready": True, "reason": ""}
            for item in plan["variants"]
        ]
        whole = {k: plan[k] for k in ("endpoint", "deployment", "revision")}
        return whole | {"etag": etag(plan), "variants": variants}

    def digest(self, item: dict[str, Any]) -> str | None:
        found = {f["name"]: self.files.get((item["digest"], f["name"])) for f in item["files"]}
        hashed = {name: hashlib.sha256(content).hexdigest() for name, content in found.items() if content is not None}
        return artifact_digest(hashed) if hashed else None


def etag(plan: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:16]


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def one(self) -> None:
            body = b""
            if self.headers.get("Transfer-Encoding", "") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said = receiver.handle(self.command, self.path, headers, body)
            content = b"" if self.command == "HEAD" else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_HEAD = do_DELETE = one  # noqa: N815  the server's names

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
