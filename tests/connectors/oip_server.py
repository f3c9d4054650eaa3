"""A scoring server on loopback that answers as the model's name says: well, late, or in one of many wrong ways."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    daemon_threads = True
    asked: Counter[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.split("/")[3] == "whole":
            return self._json(200, {"name": "whole", "inputs": [{"name": "x", "datatype": "INT64", "shape": [-1]}]})
        return self._json(404, {"error": "no such model"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path.split("/")[3]
        self.server.asked[name] += 1
        getattr(self, f"_{name}")([float(each or 0) for each in body["inputs"][0]["data"]], body)

    def _well(self, rows: list[float], body: Any) -> None:
        self._scores([row / 10 for row in rows])

    def _whole(self, rows: list[float], body: Any) -> None:
        assert body["inputs"][0] == {"name": "x", "datatype": "INT64", "shape": [2], "data": [1, 2]}
        self._scores([0.1, 0.2])

    def _classes(self, rows: list[float], body: Any) -> None:
        self._scores([each for row in rows for each in (1 - row / 10, row / 10)])

    def _few(self, rows: list[float], body: Any) -> None:
        self._scores([0.5] * (len(rows) - 1))

    def _nan(self, rows: list[float], body: Any) -> None:
        self._scores([0.5, float("nan"), *([0.5] * (len(rows) - 2))])

    def _null(self, rows: list[float], body: Any) -> None:
        self._scores([None] * len(rows))

    def _outside(self, rows: list[float], body: Any) -> None:
        self._scores([0.5, 1.7, *([0.5] * (len(rows) - 2))])

    def _html(self, rows: list[float], body: Any) -> None:
        self._raw(200, b"<!doctype html><title>Please sign in</title>", "text/html")

    def _array(self, rows: list[float], body: Any) -> None:
        self._raw(200, b"[0.5]")

    def _two(self, rows: list[float], body: Any) -> None:
        tensors = [{"name": name, "datatype": "FP64", "data": rows} for name in ("a", "b")]
        self._json(200, {"outputs": tensors})

    def _redirect(self, rows: list[float], body: Any) -> None:
        self.send_response(302)
        self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _denied(self, rows: list[float], body: Any) -> None:
        self._json(401, {"error": "who are you"})

    def _broken(self, rows: list[float], body: Any) -> None:
        self._json(503, {"error": "out of order"})

    def _busy(self, rows: list[float], body: Any) -> None:
        if self.server.asked["busy"] < 3:
            self.send_response(429)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        return self._well(rows, body)

    def _moving(self, rows: list[float], body: Any) -> None:
        self._scores([0.5] * len(rows), str(self.server.asked["moving"]))

    def _endless(self, rows: list[float], body: Any) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"[0.5, " * 100_000)
        except OSError:
            self.close_connection = True

    def _scores(self, scores: list[Any], version: str = "1") -> None:
        label = {"name": "label", "datatype": "INT64", "data": [0] * len(scores)}
        found = {"name": "probability", "datatype": "FP64", "shape": [len(scores)], "data": scores}
        self._json(200, {"model_version": version, "outputs": [label, found]})

    def _json(self, status: int, body: Any) -> None:
        self._raw(status, json.dumps(body).encode())

    def _raw(self, status: int, content: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def running() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.asked = Counter()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
