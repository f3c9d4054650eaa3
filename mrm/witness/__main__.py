"""Start a witness: `python -m mrm.witness --db FILE --key FILE --log VKEY`."""

import argparse
import socket
import sqlite3
import sys
from pathlib import Path

import uvicorn

from mrm.audit.log import keyfile
from mrm.audit.log.notes import COSIGNATURE, ED25519, NoteError, SigningKey, VerifierKey

from .app import create_app
from .cosigner import Cosigner
from .memory import Memory


def main() -> int:
    options = _options()
    try:
        logs = told(options.log)
        memory, key = opened(options.db, options.key, options.name)
        listener = _listener(options.listen)
    except (OSError, ValueError, sqlite3.Error, keyfile.KeyProblem) as error:
        print(f"The witness does not start: {error}", file=sys.stderr)
        return 1
    with listener:
        host, port = listener.getsockname()[:2]
        print(f"The key of this witness, for whoever is to check its cosignatures: {key.vkey}")
        print(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
        config = uvicorn.Config(
            create_app(Cosigner(memory, key, logs)),
            http="h11",
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
        uvicorn.Server(config).run(sockets=[listener])
    memory.close()
    return 0


def told(logs: list[str]) -> dict[str, list[VerifierKey]]:
    """The keys of each log by its origin: the key's name, unless an origin stands before the key."""
    found: dict[str, list[VerifierKey]] = {}
    for text in logs:
        origin, _, vkey = text.strip().rpartition(" ")
        try:
            key = VerifierKey.parse(vkey)
        except NoteError as error:
            raise ValueError(f"--log {text}: {error}") from error
        if key.kind != ED25519:
            raise ValueError(f"--log {text}: this is the key of a witness; a log signs with a plain Ed25519 key.")
        found.setdefault(origin or key.name, []).append(key)
    return found


def opened(db: Path, place: Path, name: str) -> tuple[Memory, SigningKey]:
    """Memory and key, made together on the first start. A key whose memory is lost is not used again."""
    if place.exists() and not db.exists():
        raise ValueError(
            f"there is a key at {place}, but no memory at {db}. A witness that forgot what it saw would cosign a second"
            " history. Give it back its file, or begin again with another key."
        )
    memory = Memory(db)
    if not place.exists():
        return memory, keyfile.make(place, name, COSIGNATURE)
    key = keyfile.load(place, "witness key")
    if key.kind != COSIGNATURE:
        raise ValueError(f"the key at {place} is that of a log; a witness needs a key of its own.")
    return memory, key


def _listener(address: str) -> socket.socket:
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise ValueError(f"--listen takes an address and a port, such as 127.0.0.1:8095; {address} is not.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, int(port)), family=family, backlog=1024)
    listener.set_inheritable(True)
    return listener


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mrm.witness", description=__doc__)
    parser.add_argument("--db", type=Path, required=True, help="SQLite file with what was seen")
    parser.add_argument("--key", type=Path, required=True, help="file with the key; made on the first start")
    parser.add_argument("--name", default=f"{socket.gethostname()}/witness", help="name of a new key")
    parser.add_argument("--listen", default="127.0.0.1:8095", help="address and port; port 0 takes a free one")
    parser.add_argument(
        "--log", action="append", required=True, help="verifier key of a log; before it, if it differs, the origin"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
