"""Batches at Azure ML: what is altered, lost, doubled or stopped on the way from the rows to the scores is refused."""

import copy
import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mrm.connectors.azureml import AzuremlConnector
from mrm.connectors.azureml.batch_plan import SCRIPT_DIGEST
from mrm.connectors.azureml.prepared import scoring_uri
from mrm.connectors.protocol import (
    ArtifactFile,
    Batch,
    Cap,
    Conflict,
    Connector,
    Integrity,
    Invalid,
    NotFound,
    NotYet,
    OutcomeUnknown,
    Unsupported,
    VersionRef,
)
from mrm.connectors.registry import connector, why_no_batch
from tests.connectors.azureml_altered import ALTERED, HERE, SPOILT, script, told
from tests.connectors.azureml_batch_fake import CONTAINER
from tests.connectors.azureml_fake import WORKSPACE, FakeAzure
from tests.connectors.batches import FIRST, SECOND, a_batch, ended, fetched, staged, submitted
from tests.connectors.bench import applied, desired, op, version
from tests.connectors.cloud_fake import Fault
from tests.connectors.faults import drops_after_send
from tests.connectors.store import MemoryStore
from tests.connectors.test_azureml import AzuremlBench


@pytest.fixture(scope="module")
def bench() -> Iterator[AzuremlBench]:
    """The endpoint `credit` serves version 1, and a batch was asked there before."""
    with FakeAzure() as fake:
        made = AzuremlBench(fake)
        backend, one = made.connector(store := MemoryStore()), version(store, 1)
        applied(backend, desired("credit", 1, one))
        made.lies(one)
        yield made


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def backend(bench: AzuremlBench, store: MemoryStore) -> Connector:
    return bench.connector(store)


@pytest.fixture
def one(store: MemoryStore) -> VersionRef:
    return version(store, 1)


@pytest.fixture
def batch(backend: Connector, one: VersionRef) -> Batch:
    """Rows of version 1 that lie where they are scored."""
    found = a_batch(one)
    staged(backend, found, [FIRST])
    return found


FILE = ArtifactFile("part-0.csv", hashlib.sha256(FIRST).hexdigest(), len(FIRST))


def test_a_job_whose_answer_was_lost_is_found_and_never_made_twice(
    bench: AzuremlBench, backend: Connector, store: MemoryStore, batch: Batch
) -> None:
    submitted(backend, "credit", batch)  # what it needs stands
    lost = replace(batch, key=f"{batch.key}-lost")
    staged(backend, lost, [FIRST])
    made, endpoint = len(bench.fake.batches.jobs), bench.fake.batches.endpoints[at(bench)]
    shown = endpoint["properties"]["scoringUri"]
    with bench.proxy() as proxy:
        endpoint["properties"]["scoringUri"] = shown.replace(bench.fake.url, proxy.url)
        behind = bench.connector(store, jobs_url=f"{proxy.url}/mfe")
        with proxy.on(drops_after_send, nth_change=1), pytest.raises(OutcomeUnknown):
            behind.submit_batch("credit", lost, op=op())
    endpoint["properties"]["scoringUri"] = shown
    found = backend.find_batch("credit", lost)
    assert found is not None
    assert backend.submit_batch("credit", lost, op=op()).job == found.job
    assert len(bench.fake.batches.jobs) == made + 1
    second = asked_like(bench, found.job)
    assert backend.submit_batch("credit", lost, op=op()).job == found.job
    assert bench.fake.batches.jobs[second]["properties"]["status"] == "CancelRequested"
    with pytest.raises(NotYet, match="still stops a job"):
        backend.clear_batch(lost, ["part-0.csv"], op=op())
    with pytest.raises(Conflict, match="Somebody stopped the job"):
        ended(backend, found)
    with pytest.raises(NotYet, match="still stops a job"):
        backend.clear_batch(lost, ["part-0.csv"], op=op())
    bench.fake.batches.jobs[second]["properties"]["status"] = "Canceled"
    backend.clear_batch(lost, ["part-0.csv"], op=op())
    assert bench.fake.batches.blobs.below(f"{HERE}/{lost.key}/") == []
    assert backend.find_batch("credit", lost) == replace(
        found, done=True, poll_after=None, message="Azure says Canceled."
    )


def at(bench: AzuremlBench) -> str:
    """The batch endpoint of `credit`."""
    found = bench.fake.batches.endpoints
    return next(name for name, one in found.items() if one["tags"].get("mrm.endpoint") == "credit")


def asked_like(bench: AzuremlBench, job: str) -> str:
    """Somebody asks for the same at the same moment."""
    body = {"properties": copy.deepcopy(bench.fake.batches.jobs[job]["properties"])}
    del body["properties"]["status"]
    score = body["properties"]["outputData"]["score"]
    score["uri"] = score["uri"].replace("/summary.csv", "0/summary.csv")
    return bench.fake.batches.made(*bench.fake.batches.asked[job], body)


def test_what_somebody_altered_is_not_used(bench: AzuremlBench, backend: Connector, batch: Batch) -> None:
    submitted(backend, "credit", batch)
    fake, made = bench.fake, len(bench.fake.batches.jobs)
    before = copy.deepcopy((fake.models, fake.batches.codes, fake.batches.endpoints, fake.batches.deployments))
    blobs = dict(fake.batches.blobs.blobs), dict(fake.batches.blobs.tags)
    other = replace(batch, key=f"{batch.key}-2")
    staged(backend, other, [FIRST])
    for alter, error, sentence in ALTERED:
        alter(fake)
        with pytest.raises(error, match=sentence):
            backend.submit_batch("credit", other, op=op())
        kept = copy.deepcopy(before)
        fake.models, fake.batches.codes, fake.batches.endpoints, fake.batches.deployments = kept
        fake.batches.blobs.blobs |= blobs[0]
        fake.batches.blobs.tags |= blobs[1]
        for name in (
            set(fake.batches.blobs.blobs) - set(blobs[0]) - set(fake.batches.blobs.below(f"{HERE}/{other.key}"))
        ):
            fake.batches.blobs.remove(name)
        fake.batches.container = CONTAINER
    assert len(fake.batches.jobs) == made
    script(fake)  # once found out, both are deleted, and laid anew
    fake.batches.blobs.remove(f"{HERE}/code/{SCRIPT_DIGEST}/score.py")
    fake.batches.deployments[at(bench)].clear()
    assert submitted(backend, "credit", other).digest == other.digest


def test_script_or_bytes_written_while_the_job_runs_end_it(
    bench: AzuremlBench, backend: Connector, batch: Batch
) -> None:
    blobs = bench.fake.batches.blobs
    script = f"{HERE}/code/{SCRIPT_DIGEST}/score.py"
    for name in (script, f"approved/models/{batch.digest}/model.onnx"):
        other = replace(batch, key=f"{batch.key}-{len(name)}")
        staged(backend, other, [FIRST])
        asked = submitted(backend, "credit", other)
        blobs.write(name, blobs.blobs[name])
        with pytest.raises(Integrity, match="of version 1 were written anew while the job read them"):
            ended(backend, asked)
        with pytest.raises(Conflict, match="over another script, deployment or bytes"):
            backend.submit_batch("credit", other, op=op())
    asked = submitted(backend, "credit", batch)
    _, deployment = bench.fake.batches.asked[asked.job]
    written = bench.fake.batches.deployments[at(bench)][deployment]["systemData"]
    before, written["lastModifiedAt"] = written["lastModifiedAt"], bench.fake.batches.moment()  # and put back as it was
    with pytest.raises(Integrity, match="of version 1 were written anew while the job read them"):
        ended(backend, asked)
    written["lastModifiedAt"] = before
    assert backend.poll_batch(asked.handle).done


def test_a_job_that_nobody_could_find_again_is_stopped(bench: AzuremlBench, backend: Connector, batch: Batch) -> None:
    submitted(backend, "credit", batch)
    other, before = replace(batch, key=f"{batch.key}-mute"), set(bench.fake.batches.jobs)
    staged(backend, other, [FIRST])
    bench.fake.batches.told_outputs = False
    try:
        with pytest.raises(Invalid, match="Azure took the job without its outputData"):
            backend.submit_batch("credit", other, op=op())
    finally:
        bench.fake.batches.told_outputs = True
    (job,) = set(bench.fake.batches.jobs) - before
    assert bench.fake.batches.jobs[job]["properties"]["status"] == "CancelRequested"


def test_other_bytes_are_refused_by_the_cluster_itself(
    bench: AzuremlBench, store: MemoryStore, one: VersionRef
) -> None:
    """Where the models lie in a place that we do not read, the script's own check is what stands."""
    there = bench.connector(store, storage="azureml://datastores/approved/paths/models")
    applied(there, desired("unread", 1, one))
    name = bench.lies(one)
    for content in (bench.fake.batches.blobs.blobs[name], b"other bytes"):
        bench.fake.batches.blobs.write(name, content)
        batch = a_batch(one)
        staged(there, batch, [FIRST])
        asked = submitted(there, "unread", batch)
        assert asked.digest is None
        if content != b"other bytes":
            assert ended(there, asked).digest == one.artifact.digest
    with pytest.raises(Invalid, match=r"Azure says Failed; the log of batchjob-[\w-]+ in the workspace tells why\."):
        ended(there, asked)
    assert "as MRM_DIGEST says; nothing is scored." in bench.fake.batches.log
    bench.lies(one)


def test_scores_that_are_not_one_for_each_row_sent_are_refused(
    bench: AzuremlBench, backend: Connector, batch: Batch
) -> None:
    asked = submitted(backend, "credit", batch)
    with pytest.raises(Invalid, match="left no scores of the batch"):
        fetched(backend, batch, FILE)
    done, blobs = ended(backend, asked), bench.fake.batches.blobs
    (name,) = (each for each in blobs.below(f"{HERE}/{batch.key}/scores/") if each.endswith(".scores"))
    good = blobs.blobs[name]
    for spoil, sentence in SPOILT:
        blobs.write(name, b"\n".join([*spoil(good.splitlines()), b""]))
        with pytest.raises(Integrity, match=sentence):
            fetched(backend, batch, FILE)
    blobs.write(name, b"\n".join(told(script="")(good.splitlines())))
    with pytest.raises(Integrity, match="was scored by another script"):
        backend.poll_batch(done.handle)
    blobs.remove(name)
    with pytest.raises(Integrity, match=r"left 0 files of scores for part-0\.csv"):
        backend.poll_batch(done.handle)
    # Azure may mount the folder of the summary, or one of its name
    blobs.write(name.replace("/part-0", "/summary.csv/part-0"), good)
    assert [place for place, _ in fetched(backend, batch, FILE)] == ["0", "1"]
    blobs.write(name, good)
    with pytest.raises(Integrity, match="left 2 files of scores"):
        fetched(backend, batch, FILE)
    blobs.remove(name)
    blobs.write(f"{HERE}/{batch.key}/rows/part-0.csv", FIRST.replace(b"1.5", b"1.6"))
    with pytest.raises(Integrity, match="The store shows other rows"):
        fetched(backend, batch, FILE)


def test_a_batch_that_is_stopped_or_fails_says_so(bench: AzuremlBench, backend: Connector, batch: Batch) -> None:
    jobs = bench.fake.batches.jobs
    asked = submitted(backend, "credit", batch)
    stopped = backend.cancel_batch(asked.handle, op=op())
    assert (stopped.done, stopped.message) == (False, "Azure says CancelRequested.")
    with pytest.raises(Conflict, match="Somebody stopped the job at Azure"):
        ended(backend, stopped)
    assert backend.cancel_batch(asked.handle, op=op()).message == "Azure says Canceled."
    jobs[asked.job]["properties"]["status"] = "Failed"
    with pytest.raises(Invalid, match="Azure says Failed; the log of batchjob-"):
        backend.poll_batch(asked.handle)
    jobs[asked.job]["properties"]["status"] = "Completed"
    own, bench.fake.batches.asked[asked.job] = bench.fake.batches.asked[asked.job], ("", "")
    bench.fake.batches.asked[asked.job] = (own[0], "theirs")
    with pytest.raises(Conflict, match="under another deployment than the one that was asked for"):
        backend.poll_batch(asked.handle)
    bench.fake.batches.asked[asked.job] = own
    score = jobs[asked.job]["properties"]["outputData"]["score"]
    score["uri"] = score["uri"].replace("/summary.csv", "0/summary.csv")
    with pytest.raises(Conflict, match="another folder of scores behind this job"):
        backend.poll_batch(asked.handle)
    for handle in ("a", '{"job": "1", "endpoint": "x", "batch": "b", "scores": ""}'):
        with pytest.raises(Invalid, match="no handle of a batch"):
            backend.poll_batch(handle)


def test_what_azure_could_not_make_is_told_and_made_anew_by_the_next(
    bench: AzuremlBench, store: MemoryStore, one: VersionRef
) -> None:
    there, places = bench.connector(store, batch_environment=f"{WORKSPACE}/environments/onnx/versions/8"), None
    batch = a_batch(one)
    staged(there, batch, [SECOND])
    while places is None:
        with pytest.raises(NotYet):
            there.submit_batch("credit", batch, op=op())
        found = bench.fake.batches.deployments[at(bench)].values()
        places = next((each for each in found if each["properties"]["environmentId"].endswith("/8")), None)
    places["properties"]["provisioningState"] = "Failed"
    with pytest.raises(Invalid, match="Azure says Failed of version 1 for batches; its log in the workspace tells why"):
        there.submit_batch("credit", batch, op=op())
    assert ended(there, submitted(there, "credit", batch)).done


def test_old_deployments_give_way(bench: AzuremlBench, store: MemoryStore, batch: Batch) -> None:
    """Azure keeps twenty at an endpoint."""
    submitted(bench.connector(store), "credit", batch)
    places = bench.fake.batches.deployments[at(bench)]
    some = next(iter(places.values()))
    others = {f"v-old-{number}": copy.deepcopy(some) for number in range(16)}
    for number, (name, one) in enumerate(others.items()):
        one |= {"name": name, "systemData": {"createdAt": f"2020-01-{number + 1:02}T00:00:00+00:00"}}
    places |= others
    there, other = (
        bench.connector(store, batch_environment=f"{WORKSPACE}/environments/onnx/versions/9"),
        replace(batch, key=f"{batch.key}-9"),
    )
    staged(there, other, [FIRST])
    submitted(there, "credit", other)
    gone = {name for name in others if places[name]["properties"]["provisioningState"] == "Deleting"}
    over = len(places) - 1 - 15
    assert gone == {f"v-old-{number}" for number in range(over)}
    for name in others:
        del places[name]


def test_a_batch_is_scored_by_what_it_names_or_not_at_all(
    bench: AzuremlBench, backend: Connector, store: MemoryStore, one: VersionRef, batch: Batch
) -> None:
    two = a_batch(version(store, 2))
    staged(backend, two, [FIRST])
    with pytest.raises(NotFound, match="deploy the version first"):
        backend.submit_batch("nowhere", batch, op=op())
    with pytest.raises(Conflict, match="serves version 1, not 2 as approved"):
        backend.submit_batch("credit", two, op=op())
    with pytest.raises(Invalid, match="with ONNX models alone, and version 1 is skops; let a worker score it"):
        staged(backend, replace(batch, format="skops"), [FIRST])
    with pytest.raises(Integrity, match="are not those of its digest"):
        backend.stage_batch(batch, replace(FILE, digest="0" * 64), io.BytesIO(SECOND), op=op())
    tags, bench.fake.endpoints["credit"]["tags"] = bench.fake.endpoints["credit"]["tags"], {}
    with pytest.raises(Conflict, match="has no champion of ours"):
        backend.submit_batch("credit", batch, op=op())
    bench.fake.endpoints["credit"]["tags"] = tags


def test_without_a_folder_or_a_cluster_it_takes_none(bench: AzuremlBench, one: VersionRef) -> None:
    full = dict(bench.config)
    for changes, sentence in (
        ({"batches": None}, "Its configuration names no folder for batches (`batches`)."),
        ({"cluster": None}, "Its configuration names no cluster that scores batches (`cluster`)."),
        ({"model_type": "mlflow_model"}, "Its models are of the type mlflow_model, which our script does not open."),
    ):
        config = {name: value for name, value in {**full, **changes}.items() if value is not None}
        bare = connector("azureml", config, bench.secrets, MemoryStore())
        assert why_no_batch("azureml", config, "onnx") == sentence
        assert Cap.BATCH not in bare.caps
        with pytest.raises(Unsupported, match="a folder and a cluster for ONNX models"):
            bare.submit_batch("credit", a_batch(one), op=op())
    assert why_no_batch("azureml", full, "onnx") is None
    assert why_no_batch("azureml", full, "skops") == "Azure ML scores ONNX models alone as a batch, not skops."


def test_no_token_goes_to_an_address_that_nobody_named() -> None:
    config, name = {"location": "westeurope"}, "b-0123"
    known = f"https://{name}.westeurope.inference.ml.azure.com/jobs"

    def held(shown: str, **changes: str) -> str:
        return scoring_uri({"name": name, "properties": {"scoringUri": shown}}, WORKSPACE, config | changes)

    assert held(known) == known
    national = known.replace("azure.com", "azure.cn")
    assert held(national, scoring_domain="inference.ml.azure.cn") == national
    own = f"https://jobs.bank.example{WORKSPACE}/batchEndpoints/{name}/jobs"
    assert held(own, jobs_url="https://jobs.bank.example/") == own
    for shown in (
        known.replace("https", "http"), known.replace(".com", ".com.evil.example"), known.replace(name, "b-other"),
        known.replace("westeurope", "eastus"), known.replace("/jobs", "/other"), national, own, f"https://x@{known[8:]}",
    ):  # fmt: skip
        with pytest.raises(Invalid, match="as the address of a batch endpoint, and none of that name lies there"):
            held(shown)
    assert AzuremlConnector.config_schema["properties"]["batches"]["format"] == "uri"


def test_the_fake_refuses_what_the_packages_do_not_know(bench: AzuremlBench, backend: Connector, batch: Batch) -> None:
    """A fake that accepts anything would prove nothing."""
    asked = submitted(backend, "credit", batch)
    fake, job = bench.fake.batches, bench.fake.batches.jobs[asked.job]["properties"]
    fits = {name: job[name] for name in ("inputData", "outputData")}
    fake.made(*fake.asked[asked.job], {"properties": fits})
    for body in (
        {},
        {"properties": fits | {"colour": "red"}},
        {"properties": fits | {"status": "Completed"}},
        {"properties": fits | {"inputData": {"rows": {"uri": "a"}}}},
        {"properties": fits | {"inputData": {"rows": {"uri": "a", "jobInputType": "Carrier pigeon"}}}},
    ):
        with pytest.raises(Fault):
            fake.made(*fake.asked[asked.job], body)
    version, block = {"x-ms-version": "2021-12-02"}, {"x-ms-blob-type": "BlockBlob", "content-length": "0"}
    fake.blobs.handle("PUT", "/a/b", {}, version | block, b"")
    for method, path, query, headers in (
        ("PUT", "/a/b", {}, version),
        ("PUT", "/a/b", {}, block),
        ("PUT", "/a/b", {}, version | block | {"x-ms-colour": "red"}),
        ("PUT", "/a/b", {}, version | block | {"content-md5": "other"}),
        ("POST", "/a/b", {}, version),
        ("GET", "/a", {"comp": "list"}, version),
        ("GET", "/a", {"comp": "list", "restype": "container", "colour": "red"}, version),
    ):
        with pytest.raises(Fault):
            fake.blobs.handle(method, path, query, headers, b"")
