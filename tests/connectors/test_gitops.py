"""The GitOps connector keeps the contract against a real repository behind git's HTTP backend."""

import base64
import datetime as dt
import ipaddress
import json
import secrets
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mrm.connectors.protocol import Cap, Conflict, ConnectorError, Invalid
from tests.connectors.bench import Bench, applied, deleted, desired, op, version
from tests.connectors.contract import ConnectorContract
from tests.connectors.expect import require_converged
from tests.connectors.git_server import USER, GitServer
from tests.connectors.store import MemoryStore

PEM = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
HAND = "The signed statement does not fit the manifest: somebody else wrote it."


class GitBench(Bench):
    id = "gitops"
    reads = r"/git-upload-pack$"
    tells_retry_after = False  # git does not show the header

    def __init__(self, server: GitServer) -> None:
        self.server, self.secret = server, server.password
        self.config = {
            "base_url": server.url,
            "username": USER,
            "password_secret": "fleet",
            "signing_secret": "key",
        }
        self.secrets = {"fleet": server.password, "key": PEM}

    def connector(self, store: MemoryStore | None = None, **changes: Any) -> Any:
        if "secrets" in changes:  # the key stays ours; it is the password that the server may not know
            changes["secrets"] = changes["secrets"] | {"key": PEM}
        return super().connector(store, **changes)

    def disturb(self, endpoint: str) -> None:
        self.server.edit(
            f"deployments/{endpoint}/manifest.yaml", lambda text: text.replace("version: '2'", "version: '1'")
        )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitBench]:
    with GitServer(tmp_path_factory.mktemp("git"), secrets.token_urlsafe(16)) as server:
        yield GitBench(server)


class TestGitops(ConnectorContract):
    pass


def test_manifest_and_statement_name_digest_approval_and_revision(bench: GitBench) -> None:
    store = MemoryStore()
    plan = desired("stated", 3, version(store, 1))
    applied(bench.connector(store), plan)
    manifest = yaml.safe_load(bench.server.show("deployments/stated/manifest.yaml"))
    assert (manifest["revision"], manifest["variants"][0]["digest"]) == (3, plan.champion.artifact.digest)
    envelope = json.loads(bench.server.show("deployments/stated/statement.json"))
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert statement["predicate"] == {"approvals": ["approval-1"], "deployment": "d-1", "revision": 3}
    assert {"sha256": plan.champion.artifact.digest} in [item["digest"] for item in statement["subject"]]
    log = bench.server.run("-C", str(bench.server.bare), "log", "-1", "--format=%an%n%B", "main")
    assert log.split("\n")[:4] == ["Model risk management", "stated: revision 3", "", "Approved by approval-1."]


def test_edit_by_hand_is_seen_by_its_statement(bench: GitBench) -> None:
    store = MemoryStore()
    backend, plan = bench.connector(store), desired("by-hand", 1, version(store, 1))
    applied(backend, plan)
    bench.server.edit("deployments/by-hand/manifest.yaml", lambda text: text.replace("mirror_bp: 0", "mirror_bp: 1"))
    seen = backend.observe("by-hand").variants[0]
    assert (seen.ready, seen.reason) == (False, HAND)
    bench.server.edit("deployments/by-hand/manifest.yaml", lambda text: "nonsense: [")
    assert backend.observe("by-hand").variants == ()
    applied(backend, plan)
    require_converged(backend, plan)


def test_what_others_pushed_stays(bench: GitBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("beside", 1, version(store, 1)))
    bench.server.edit("deployments/beside/values.yaml", lambda text: "replicas: 3\n")
    bench.server.edit("README.md", lambda text: "ours\n")
    applied(backend, desired("beside", 2, version(store, 2)))
    deleted(backend, "beside")
    assert bench.server.show("deployments/beside/values.yaml") == "replicas: 3\n"
    assert bench.server.show("README.md") == "ours\n"


def test_push_between_our_fetch_and_our_push_is_read_again(bench: GitBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The branch moved: nothing is forced; another's change of the same endpoint is a conflict."""
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("raced", 1, version(store, 1)))
    etag = backend.observe("raced").etag
    bench.server.edit("deployments/raced/manifest.yaml", lambda text: text.replace("revision: 1", "revision: 9"))
    with pytest.raises(Conflict, match="not the one that was observed"):
        backend.apply(desired("raced", 10, version(store, 2)), op=op(), expect_etag=etag)
    with pytest.raises(Conflict, match="already at revision 9"):
        backend.apply(desired("raced", 2, version(store, 2)), op=op())


def test_only_http_is_spoken(bench: GitBench) -> None:
    for url in ("ssh://git@example.org/fleet.git", "ext::sh -c id", f"file://{bench.server.bare}"):
        with pytest.raises(Invalid, match="must start with http"):
            bench.connector(base_url=url)


class Health(BaseHTTPRequestHandler):
    """Tells what runs."""

    running: dict[str, dict[str, Any]] = {}

    def do_GET(self) -> None:
        found = self.running.get(self.path)
        body = json.dumps(found or {}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_health_address_turns_declared_into_observed(bench: GitBench) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        store = MemoryStore()
        backend = bench.connector(store, health_url=f"http://127.0.0.1:{server.server_port}")
        assert (Cap.DECLARED_ONLY in backend.caps, Cap.OBSERVE_DIGEST in backend.caps) == (False, True)
        plan = desired("healthy", 1, version(store, 1))
        applied(backend, plan)
        seen = backend.observe("healthy").variants[0]
        assert (seen.ready, seen.reason) == (False, "The health address knows nothing of it: not rolled out yet.")
        runs = {"version": "1", "digest": plan.champion.artifact.digest, "ready": True}
        Health.running["/healthy/champion"] = runs
        require_converged(backend, plan)
        Health.running["/healthy/champion"] = runs | {"digest": "0" * 64}
        assert backend.observe("healthy").variants[0].digest == "0" * 64
        server.shutdown()


def own_certificate(folder: Path) -> Path:
    """A certificate for loopback that no public authority knows, and its key, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now, loopback = dt.datetime.now(dt.UTC), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([loopback]), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    (path := folder / "own.pem").write_bytes(pem)
    return path


def test_health_address_is_believed_by_the_authority_of_the_place(bench: GitBench, tmp_path: Path) -> None:
    certificate, context = own_certificate(tmp_path), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        store, address = MemoryStore(), f"https://127.0.0.1:{server.server_port}"
        plan = desired("private", 1, version(store, 1))
        Health.running["/private/champion"] = {"version": "1", "digest": plan.champion.artifact.digest, "ready": True}
        applied(backend := bench.connector(store, health_url=address, ca_file=str(certificate)), plan)
        require_converged(backend, plan)
        with pytest.raises(ConnectorError, match="The health address"):
            bench.connector(store, health_url=address).observe("private")
        server.shutdown()
