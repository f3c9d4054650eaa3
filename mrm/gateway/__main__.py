"""Start the gateway: `python -m mrm.gateway --root DIR --token-file FILE`."""

import argparse
import fcntl
import gc
import os
import secrets
import socket
import stat
import sys
from pathlib import Path
from typing import TextIO

import uvicorn

from .app import MAX_ARTIFACT, MAX_BODY, create_app
from .wire import Protocol


def main() -> int:
    options = _options()
    try:
        options.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = locked(options.root)
        app = create_app(
            options.root,
            token(options.token_file),
            max_body=options.max_body,
            max_artifact=options.max_artifact,
            closed=options.closed,
            route_key=options.route_key.read_bytes() if options.route_key else None,
        )
        listener = _listener(options.host, options.port)
    except (OSError, ValueError) as error:
        print(f"The gateway does not start: {error}", file=sys.stderr)
        return 1
    with lock, listener:
        host, port = listener.getsockname()[:2]
        print(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing here depends on who the caller says he is
            timeout_graceful_shutdown=10,
        )
        gc.collect()
        gc.freeze()  # what is loaded stays; looking through it again and again would hold up answers
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def token(place: Path) -> str:
    """The control token; the file is made when missing and refused when others can read it."""
    try:
        handle = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return _existing(place)
    with os.fdopen(handle, "w") as target:
        fresh = secrets.token_urlsafe(32)
        target.write(fresh)
    return fresh


def _existing(place: Path) -> str:
    if stat.S_IMODE(place.stat().st_mode) & 0o077:
        raise ValueError(f"the token file {place} can be read by others; set its mode to 0600.")
    found = place.read_text().strip()
    if len(found) < 16:
        raise ValueError(f"the token in {place} is shorter than 16 characters.")
    return found


def locked(root: Path) -> TextIO:
    """One process per folder. The lock ends with the process, however it ends."""
    handle = (root / "gateway.lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise ValueError(f"another gateway already serves {root}.") from None
    return handle


def _listener(host: str, port: int) -> socket.socket:
    """Named as TCP: only then does asyncio send an answer's parts at once, and not when the first is acknowledged."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(True)
    return listener


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mrm.gateway", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder that keeps artifacts and routes")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8090, help="port to listen on; 0 takes a free one")
    parser.add_argument("--token-file", type=Path, required=True, help="file with the control token")
    parser.add_argument("--max-body", type=int, default=MAX_BODY, help="largest request in bytes")
    parser.add_argument("--max-artifact", type=int, default=MAX_ARTIFACT, help="largest artifact in bytes")
    parser.add_argument("--closed", action="store_true", help="ask for a tenant's token at every endpoint")
    parser.add_argument(
        "--route-key", type=Path, help="Ed25519 public key of the control plane in PEM: only what it signed is served"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
