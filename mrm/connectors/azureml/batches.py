"""A data set scored by Azure ML: one job, known by the folder that it writes to, over files in our own."""

import base64
import hashlib
import io
import json
import tempfile
from collections.abc import Iterable, Mapping
from typing import IO, Any
from urllib.parse import quote, urlencode

from ..answers import BatchResult
from ..errors import Conflict, Integrity, Invalid, NotFound, NotYet
from ..http import Backend
from ..reading import part, text, things
from ..values import ArtifactFile, Batch, Op
from . import answered, batch_plan
from .answered import ENDING, Sent
from .batch_plan import SCRIPT_DIGEST, Scores
from .blobs import Folder
from .plan import WHO
from .prepared import Prepared, Verified
from .workspace import Workspace, skip

_API = "2020-09-01-dataplanepreview"
BUSY = {
    "NotStarted", "Starting", "Provisioning", "Preparing", "Queued", "Running", "Finalizing", "CancelRequested",
    "NotResponding", "Paused", "Unknown",
}  # fmt: skip
_POLL_SECONDS = 30.0
_IN_MEMORY = 32 << 20
_SUMMARY = "summary.csv"  # Azure's own
_NOTHING = "1B2M2Y8AsgTpgAmY7PhCfg=="  # the checksum of no bytes


class Batches:
    """`jobs` is where jobs are listed and read. A batch endpoint, which is no online one, is called `at`."""

    def __init__(self, workspace: Workspace, jobs: Backend, folder: Folder, prepared: Prepared) -> None:
        self._workspace, self._jobs, self.folder, self.prepared = workspace, jobs, folder, prepared

    def stage(self, batch: Batch, file: ArtifactFile, content: IO[bytes], op: Op) -> None:
        """Put a file where the job reads it; one that lies there already is left."""
        batch_plan.require_fit(batch)
        target = f"{_rows(batch.key)}{file.name}"
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
            sha, md5 = (
                hashlib.sha256(),
                hashlib.md5(usedforsecurity=False),
            )  # the latter is the one that the store shows
            while chunk := content.read(1 << 20):
                sha.update(chunk)
                md5.update(chunk)
                spool.write(chunk)
            if sha.hexdigest() != file.digest:
                raise Integrity(f"The rows of {file.name} are not those of its digest.")
            shown, size = base64.b64encode(md5.digest()).decode(), spool.tell()
            if self.folder.md5(target, op) != shown:
                spool.seek(0)
                self.folder.put(target, spool, size, shown, op)

    def of(self, at: str, batch: Batch, op: Op | None = None) -> list[dict[str, Any]]:
        """The jobs of a batch, the oldest first: more than one only where two asked at the same moment."""
        ours = [each for each in self._listed(at, op) if self._scores(each, batch.key)]
        return sorted(ours, key=lambda each: (_made(each), text(each, "name", WHO)))

    def find(self, at: str, batch: Batch) -> BatchResult | None:
        """The job of a batch at a batch endpoint, however it stands; None where there is none."""
        ours = self.of(at, batch)
        return self._result(at, ours[0], batch.key) if ours else None

    def require_rows(self, batch: Batch, op: Op) -> None:
        if not self.folder.listed(_rows(batch.key), op):
            raise NotFound(f"No rows of the batch {batch.key} lie in {self.folder.uri(_rows(batch.key))}.")

    def submit(self, at: str, batch: Batch, seen: Verified, ask: Backend, op: Op) -> BatchResult:
        """Ask for the job unless there is one, which must be of the same deployment; of two at once the older is kept.

        Azure gives no name of ours to a job, so it is looked before and after; each attempt writes to a folder of its own.
        """
        datastore = self.prepared.require_datastore(op)
        standing = self.of(at, batch, op) or self._posted(at, batch, seen, datastore, ask, op)
        for later in standing[1:]:
            self._stop(later, op)
        kept = self._scores(standing[0], batch.key)
        if kept is None or (kept.deployment, kept.stamp) != (seen.deployment, seen.stamp):
            raise Conflict(f"{WHO} holds a job of the batch {batch.key} over another script, deployment or bytes.")
        return self._result(at, standing[0], batch.key)

    def _posted(
        self, at: str, batch: Batch, seen: Verified, datastore: str, ask: Backend, op: Op
    ) -> list[dict[str, Any]]:
        """The jobs of a batch once one is asked for, which must tell where it writes, or nobody could find it again."""
        self.folder.put(f"{_asked(batch)}{at}", io.BytesIO(), 0, _NOTHING, op)
        body = self._job(datastore, batch, Scores.new(seen.deployment, seen.stamp))
        made = ask.json("POST", "", body=body, headers={"azureml-model-deployment": seen.deployment}, op=op)
        if found := self.of(at, batch, op):
            return found
        if self._scores(made, batch.key) is None:
            self._stop(made, op)
            raise Invalid(f"{WHO} took the job without its outputData.")
        return [made]

    def poll(self, handle: str) -> tuple[BatchResult, Verified | None]:
        """How the job stands; once it has ended well, with what scored it, which stands as it did when it was asked."""
        waited = read(handle)
        at, key = waited["endpoint"], waited["batch"]
        found = self._described(at, waited["job"])
        standing, kept = self._result(at, found, key), self._scores(found, key)
        if not standing.done:
            return standing, None
        if kept is None or str(kept) != waited["scores"]:
            raise Conflict(f"{WHO} shows another folder of scores behind this job than the one that was asked for.")
        if (status := _status(found)) == "Canceled":
            raise Conflict(f"Somebody stopped the job at {WHO} before every row was scored.")
        if status != "Completed":
            raise Invalid(f"{WHO} says {status}; the log of {waited['job']} in the workspace tells why.")
        if waited["job"] not in {each.get("name") for each in self._listed(at, deployment=kept.deployment)}:
            raise Conflict(f"{WHO} shows this job under another deployment than the one that was asked for.")
        seen = self.prepared.verified(at, kept.deployment)
        if seen.stamp != kept.stamp:
            raise Integrity(
                f"The deployment, script or bytes of version {seen.version} were written anew while the job read them."
            )
        self._require_whole(key, kept, seen)
        return standing, seen

    def cancel(self, handle: str, op: Op) -> BatchResult:
        """Stop the job; one that has ended stays as it ended."""
        waited = read(handle)
        self._stop(self._described(waited["endpoint"], waited["job"], op), op)
        found = self._described(waited["endpoint"], waited["job"], op)
        return self._result(waited["endpoint"], found, waited["batch"])

    def fetch(self, batch: Batch, file: ArtifactFile, target: IO[bytes]) -> None:
        """The scores of a file in the order sent, while the rows that were scored are those that were sent."""
        try:
            rows = answered.places(file, self.folder.lines(f"{_rows(batch.key)}{file.name}"))
        except NotFound:
            raise Integrity(f"The store shows no rows in {file.name}, where some were sent.") from None
        lines = self.folder.lines(_only(file.name, self._files(batch.key, self._kept(batch))))
        answered.copied(Sent(file, SCRIPT_DIGEST, batch.digest), rows, lines, target)

    def clear(self, batch: Batch, op: Op) -> None:
        """Rows and whatever the jobs wrote, once no job writes any more; the jobs' own record stays with Azure."""
        jobs = [each for at in self._asked(batch, op) for each in self.of(at, batch, op)]
        if busy := [each for each in jobs if _status(each) in BUSY]:
            for each in busy:
                self._stop(each, op)
            raise NotYet(f"{WHO} still stops a job of the batch {batch.key}.")
        found = [stored.name for stored in self.folder.listed(f"{batch.key}/", op)]
        for name in sorted(found, key=lambda each: each.startswith(_asked(batch))):  # where it was asked goes last
            self.folder.remove(name, op)

    def _asked(self, batch: Batch, op: Op | None = None) -> list[str]:
        """The batch endpoints at which jobs of a batch were asked for."""
        return [each.name.removeprefix(_asked(batch)) for each in self.folder.listed(_asked(batch), op)]

    def _listed(self, at: str, op: Op | None = None, deployment: str = "") -> list[dict[str, Any]]:
        """The jobs of a batch endpoint, or those of one deployment."""
        query = {"deployment": deployment} if deployment else {}
        items: list[dict[str, Any]] = []
        while True:
            try:
                found = self._jobs.json("GET", self._url(at, "", query), op=op)
            except NotFound:  # no such endpoint, so no jobs
                return items
            items += things(found, "value", WHO)
            if not (cursor := skip(found, "$skiptoken")):
                return items
            query["$skiptoken"] = cursor

    def _described(self, at: str, job: str, op: Op | None = None) -> dict[str, Any]:
        found = self._jobs.json("GET", self._url(at, f"/{quote(job, safe='')}", {}), op=op)
        if found.get("name") != job:
            raise Invalid(f"{WHO} described another job than was asked for.")
        return found

    def _url(self, at: str, below: str, query: Mapping[str, str]) -> str:
        return f"{self._workspace.path}/batchEndpoints/{quote(at, safe='')}/jobs{below}?{urlencode({'api-version': _API, **query})}"

    def _stop(self, found: Mapping[str, Any], op: Op) -> None:
        if _status(found) not in BUSY - {"CancelRequested"}:
            return
        try:
            self._workspace.call("POST", f"/jobs/{quote(text(found, 'name', WHO), safe='')}/cancel", op)
        except (Invalid, Conflict):  # it may have ended since it was looked at; how it stands is read again
            pass

    def _job(self, datastore: str, batch: Batch, scores: Scores) -> dict[str, Any]:
        rows, target = _rows(batch.key).rstrip("/"), f"{_scores_of(batch.key)}{scores}/{_SUMMARY}"
        return batch_plan.job(datastore, self.folder.prefix + rows, self.folder.prefix + target)

    def _scores(self, found: Mapping[str, Any], key: str) -> Scores | None:
        """The folder that a job writes to, when it is one of this batch: its output lies among our scores."""
        outputs, under = part(part(found, "properties", WHO), "outputData", WHO), self.folder.prefix + _scores_of(key)
        for name in outputs:
            _, _, path = str(part(outputs, name, WHO).get("uri", "")).partition("/paths/")
            if path.startswith(under):
                return Scores.of(path.removeprefix(under).partition("/")[0])
        return None

    def _kept(self, batch: Batch) -> Scores:
        """The folder of the job that counts."""
        jobs = [each for at in self._asked(batch) for each in self.of(at, batch)]
        kept = self._scores(jobs[0], batch.key) if jobs and _status(jobs[0]) == "Completed" else None
        if kept is None:
            raise Invalid(f"{WHO} left no scores of the batch {batch.key}.")
        return kept

    def _result(self, at: str, found: Mapping[str, Any], key: str) -> BatchResult:
        job, status = text(found, "name", WHO), _status(found)
        busy = status in BUSY
        handle = json.dumps({"job": job, "endpoint": at, "batch": key, "scores": str(self._scores(found, key) or "")})
        return BatchResult(not busy, job, handle, None, _POLL_SECONDS if busy else None, f"{WHO} says {status}.")

    def _require_whole(self, key: str, kept: Scores, seen: Verified) -> None:
        """Every file that was sent was scored once, by our script with the approved bytes."""
        written = self._files(key, kept)
        for sent in self.folder.listed(_rows(key)):
            name = sent.name.removeprefix(_rows(key))
            first = next(self.folder.lines(_only(name, written)), b"")
            answered.require_scored_by(first, name, SCRIPT_DIGEST, seen.digest)

    def _files(self, key: str, kept: Scores) -> list[str]:
        """Whatever a job wrote, wherever below its folder Azure mounted it."""
        return [each.name for each in self.folder.listed(f"{_scores_of(key)}{kept}/")]


def _only(file: str, written: Iterable[str]) -> str:
    """The one blob with the scores of a file."""
    found = [name for name in written if name.rpartition("/")[2] == f"{file}{ENDING}"]
    if len(found) != 1:
        raise Integrity(f"The job left {len(found)} files of scores for {file}, where one was due.")
    return found[0]


def read(handle: str) -> dict[str, str]:
    """What a handle holds: the job, its batch endpoint, the batch and where the scores come."""
    try:
        found = json.loads(handle)
        kept = {field: str(found[field]) for field in ("job", "endpoint", "batch", "scores")}
    except (ValueError, KeyError, TypeError):
        kept = {}
    if not kept.get("endpoint", "").startswith("b-"):
        raise Invalid(f"This is no handle of a batch at {WHO}.")
    return kept


def _rows(key: str) -> str:
    return f"{key}/rows/"


def _scores_of(key: str) -> str:
    return f"{key}/scores/"


def _asked(batch: Batch) -> str:
    return f"{batch.key}/asked/"


def _status(found: Mapping[str, Any]) -> str:
    return text(part(found, "properties", WHO), "status", WHO)


def _made(found: Mapping[str, Any]) -> str:
    return str(part(found, "systemData", WHO).get("createdAt", ""))
