"""Signed statements: what is sent is named by them, other tools read them, and a changed one stops the push."""

import json
import subprocess
from pathlib import Path

import pytest

from mrm.audit.trail import recorded
from mrm.core import attestation, blobs
from mrm.deployment import services
from mrm.deployment.models import Deployment, Revision, Target
from mrm.jobs.runner import run_next
from tests.connectors.servers import programs
from tests.deployment.conftest import Gateway
from tests.factories.access import Cast
from tests.factories.approved import a_model, an_approved
from tests.factories.release import released

FILES = {"weights.bin": "11" * 32, "model.json": "22" * 32}


@pytest.fixture
def revision(cast: Cast, place: Target, gateway: Gateway, tmp_path: Path) -> Revision:
    deployment = services.create(a_model(cast), target=place, endpoint="credit", actor=cast.deployer)
    version = an_approved(cast, deployment.model, tmp_path)
    made = released(cast, services.deploy(deployment, version=version, actor=cast.deployer))
    work()
    made.refresh_from_db()
    assert made.status == "applied", made.error
    return made


def work() -> None:
    while run_next():
        pass


def test_what_is_sent_is_named_by_two_statements_about_the_same_bytes(revision: Revision) -> None:
    kept = revision.verification["statements"]
    public = kept["public_key"].encode()
    model, approval = attestation.verify(kept["model"], public), attestation.verify(kept["approval"], public)
    assert model["subject"] == approval["subject"]
    assert model["predicate"]["resources"] == [
        {"name": "model-1.0.0.onnx", "algorithm": "sha256", "digest": revision.artifact_sha256}
    ]
    told = approval["predicate"]
    assert (told["version"], told["environment"], told["endpoint"]) == ("1.0.0", "production", "credit")
    assert told["approvers"]


def test_a_changed_statement_stops_what_would_be_sent_again(cast: Cast, revision: Revision) -> None:
    changed = json.loads(json.dumps(revision.verification))
    changed["statements"]["model"]["dsseEnvelope"]["payload"] = changed["statements"]["approval"]["dsseEnvelope"][
        "payload"
    ]
    with recorded("deployment.verify", actor=cast.deployer, subject=revision):
        Revision.objects.filter(pk=revision.pk).update(verification=changed)
    deployment: Deployment = revision.deployment
    back = services.roll_back(deployment, number=1, actor=cast.deployer, reason="Again.", emergency=True)
    work()
    back.refresh_from_db()
    assert back.status == "failed"
    assert "The signed statement about the model is not ours." in back.error


def test_a_statement_is_bound_to_its_key_and_its_bytes() -> None:
    private = attestation.new_key()
    public = attestation.public_of(private)
    bundle = attestation.sign(attestation.model_statement("credit 1.0.0", FILES), private)
    told = attestation.verify(bundle, public)
    assert told["subject"][0]["digest"]["sha256"] == attestation.subject_digest(FILES)
    with pytest.raises(attestation.NotGenuine, match="another key"):
        attestation.verify(bundle, attestation.public_of(attestation.new_key()))
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = "AAAA"
    with pytest.raises(attestation.NotGenuine, match="does not fit"):
        attestation.verify(bundle, public)
    with pytest.raises(attestation.NotGenuine, match="no bundle"):
        attestation.verify({"mediaType": "x"}, public)


def test_the_digest_of_files_is_that_over_their_digests_in_order() -> None:
    """The root digest of OpenSSF model signing: SHA-256 over the raw digests, sorted by name."""
    import hashlib

    expected = hashlib.sha256(bytes.fromhex("22" * 32) + bytes.fromhex("11" * 32)).hexdigest()
    assert attestation.subject_digest(FILES) == expected


def test_the_signature_is_verified_by_the_command_of_openssf(revision: Revision, tmp_path: Path) -> None:
    """Model-signing's own verifier accepts the bytes that were sent, and not one byte else."""
    command = programs("model-signing-1.1.1", ["model-signing==1.1.1", "pyopenssl==25.3.0"]) / "model_signing"
    kept, model = revision.verification["statements"], tmp_path / "model"
    model.mkdir()
    artifact = blobs.fetch(revision.artifact_sha256, tmp_path).rename(model / "model-1.0.0.onnx")
    (tmp_path / "model.sig").write_text(json.dumps(kept["model"]))
    (tmp_path / "key.pem").write_text(kept["public_key"])
    verify = [str(command), "verify", "key", str(model), "--signature", str(tmp_path / "model.sig")]
    verify += ["--public_key", str(tmp_path / "key.pem")]
    done = subprocess.run(verify, check=False, capture_output=True, text=True, timeout=120)
    assert "Verification succeeded" in done.stdout, done.stderr
    artifact.write_bytes(artifact.read_bytes() + b"!")
    done = subprocess.run(verify, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode
    assert "Hash mismatch for" in done.stdout + done.stderr
