"""The main job without a person: from registration to rollback and PDF, over HTTP and through the gateway."""

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime
import pyarrow.parquet as pq
from django.utils import timezone

from mrm.access import services as access
from mrm.deployment.models import Target
from mrm.project.demo.bank import PASSWORD, account_of, plan
from mrm.project.demo.material import Material, prepare

Tell = Callable[[str], None]
Make = Callable[[Path], Material]
CAST = ("priya", "daniel", "tomas", "elena", "maria", "jonas", "lucia", "ingrid")
PATIENCE = 600.0


class Failed(Exception):
    """A step did not answer as it must."""


class Caller:
    """One person at the API."""

    def __init__(self, address: str, username: str) -> None:
        account = account_of(username)
        token = access.issue_token(account, label="main job", scopes=["*"], days=1, actor=account)
        headers = {"Authorization": f"Bearer {token.secret}"}  # type: ignore[attr-defined]
        self.http = httpx.Client(base_url=f"{address}/api/v1/", headers=headers, timeout=60)

    def post(self, path: str, expect: tuple[int, ...] = (200, 201, 202), **kwargs: Any) -> Any:
        return self._answer(self.http.post(path, **kwargs), expect)

    def get(self, path: str) -> Any:
        return self._answer(self.http.get(path), (200,))

    def until(self, path: str, field: str, wanted: str, running: tuple[str, ...]) -> Any:
        """Poll until the field has the wanted value; any other end is a failure with its reason."""
        deadline = time.monotonic() + PATIENCE
        while True:
            seen = self.get(path)
            if seen[field] == wanted:
                return seen
            if seen[field] not in running or time.monotonic() > deadline:
                raise Failed(f"{path} is {seen[field]}: {seen.get('error', '')}")
            time.sleep(0.5)

    def _answer(self, answer: httpx.Response, expect: tuple[int, ...]) -> Any:
        if answer.status_code not in expect:
            raise Failed(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:400]}")
        return answer.json()


class SignedIn(Caller):
    """One person with a session of the pages, as signing needs: a token signs nothing."""

    def __init__(self, address: str, username: str) -> None:
        self.http = httpx.Client(base_url=f"{address}/api/v1/", headers={"Referer": f"{address}/"}, timeout=60)
        self.http.get(f"{address}/sign-in/")
        given = {"login": username, "password": PASSWORD, "csrfmiddlewaretoken": self.http.cookies["csrftoken"]}
        answer = self.http.post(f"{address}/sign-in/", data=given)
        if answer.status_code != 302:
            raise Failed(f"{username} cannot sign in: {answer.status_code}")
        self.http.headers["X-CSRFToken"] = self.http.cookies["csrftoken"]


class MainJob:
    """The steps, in order; each is printed with its time."""

    def __init__(self, address: str, tell: Tell, make: Make = prepare) -> None:
        self.address, self.tell, self.make = address, tell, make
        self.people = {name: Caller(address, name) for name in CAST}
        self.facts = plan()
        self.name = f"Main job {timezone.now():%Y-%m-%d %H:%M:%S}"

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except (Failed, httpx.HTTPError, AssertionError, KeyError) as error:
            self.tell(f"  FAILED  {words}: {type(error).__name__}: {error}")
            raise Failed(words) from error
        self.tell(f"  {time.monotonic() - began:6.2f} s  {words}")

    def run(self, folder: Path) -> None:
        with self.step("train two models, export them to ONNX"):
            material = self.make(folder)
        with self.step("a data scientist registers model and data; the tier is computed"):
            self._register(material)
        first = self._carry("1.0.0", material, material.logistic, finding=True)
        with self.step("a deployer pushes it; a prediction equals the local one; the digest is verified there"):
            place = self._deploy(first)
            self._compare(first, material, material.logistic)
        second = self._carry("1.1.0", material, material.boosted, finding=False)
        with self.step("the second version is deployed, then rolled back; the first answers again"):
            self._deploy_and_roll_back(place, second, material)
        with self.step("the auditor sees every step in the timeline"):
            self._timeline()
        with self.step("the auditor downloads the report as PDF"):
            self._report(first)

    def _register(self, material: Material) -> None:
        facts = {**self.facts["model"], "name": self.name, "unit": "retail-lending"}
        facts |= {"owner": "daniel@nordhaven.example", "developer": "priya@nordhaven.example"}
        self.model = self.people["priya"].post("models/", json=facts)["id"]
        rated = self.people["daniel"].post(f"models/{self.model}/rating/", json={"answers": self.facts["answers"]})
        assert rated["tier"] == "1", rated
        self.data = {
            role: self._upload(role, table.path, protected=role == "protected")
            for role, table in (
                ("training", material.training),
                ("test", material.test),
                ("protected", material.protected),
            )
        }

    def _upload(self, role: str, path: Path, *, protected: bool) -> str:
        facts = {
            "name": f"{self.name}, {role}",
            "source": "Generated with a documented bias",
            "unit": "retail-lending",
            "holds_protected": str(protected).lower(),
        }
        made = self.people["priya"].post("datasets/", data=facts, files={"file": (path.name, path.read_bytes())})
        return str(made["id"])

    def _carry(self, label: str, material: Material, artifact: bytes, *, finding: bool) -> str:
        """One version from draft to approved."""
        with self.step(f"version {label} with artifact and data"):
            version = self._version(label, material, artifact)
        with self.step(f"{label}: performance, bias and explainability run with progress"):
            run = self._evaluate(version, material)
        with self.step(
            f"{label}: the validator records evidence" + (" and a finding, remediated and verified" if finding else "")
        ):
            self._validate(version, run, finding=finding)
        with self.step(f"{label}: the developer may not sign; two risk officers sign with their passwords"):
            self._sign(version)
        return version

    def _version(self, label: str, material: Material, artifact: bytes) -> str:
        priya = self.people["priya"]
        facts = {
            "label": label,
            "features": list(material.features),
            "target": "default",
            "cutoff": str(material.cutoff),
        }
        facts |= {"methodology": f"As exported for {label}", "intended_use": "Unsecured retail credit"}
        version = priya.post(f"models/{self.model}/versions/", json=facts)["id"]
        digest = hashlib.sha256(artifact).hexdigest()
        wrong = priya.post(
            f"versions/{version}/artifact/",
            expect=(422,),
            data={"kind": "onnx", "sha256": "0" * 64},
            files={"file": ("model.onnx", artifact)},
        )
        assert "was announced" in wrong["reasons"][0], wrong
        priya.post(
            f"versions/{version}/artifact/",
            data={"kind": "onnx", "sha256": digest},
            files={"file": (f"model-{label}.onnx", artifact)},
        )
        for role, dataset in self.data.items():
            priya.post(f"versions/{version}/datasets/", json={"dataset": dataset, "role": role})
        return str(version)

    def _evaluate(self, version: str, material: Material) -> str:
        facts = {
            "dataset": self.data["test"],
            "kinds": ["performance", "bias", "explainability"],
            "label": "default",
            "cutoff": str(material.cutoff),
            "favourable": "below",
            "references": {"sex": "M"},
        }
        run = self.people["priya"].post(f"versions/{version}/runs/", json=facts)["id"]
        done = self.people["priya"].until(f"runs/{run}/", "status", "done", ("queued",))
        ratio = next(entry for entry in done["results"] if (entry["measure"], entry["group"]) == ("air", "F"))
        assert ratio["n"] > 0, ratio
        assert not material.biased or ratio["value"] < 0.9, "the planted bias was not found"
        assert done["crosscheck"], "fairlearn did not recompute"
        inspected = self.people["priya"].get(f"versions/{version}/inspections/")["results"]
        assert [each["outcome"] for each in inspected] == ["clean"], "the artifact was not inspected"
        return str(run)

    def _validate(self, version: str, run: str, *, finding: bool) -> None:
        tomas, daniel = self.people["tomas"], self.people["daniel"]
        opened = self.people["priya"].post(f"versions/{version}/validations/", json={})["id"]
        tomas.post(f"validations/{opened}/take/")
        tomas.post(f"validations/{opened}/plan/", json={"plan": "Recompute outcomes and fairness; check the artifact."})
        for pillar in ("outcomes", "fairness", "explainability"):
            evidence = {"pillar": pillar, "title": f"Run on test data: {pillar}", "run": run}
            tomas.post(f"validations/{opened}/evidence/", json=evidence)
        if finding:
            raised = tomas.post(f"validations/{opened}/findings/", json=self._finding())["id"]
            daniel.post(f"findings/{raised}/accept/", json={"text": "Agreed."})
            asked = daniel.post(f"findings/{raised}/remediate/", json={"text": "Section 4.2 rewritten."})["request"]
            self._refused("daniel", asked)
            self._signed(asked, "tomas", "Read and tried.")
            assert tomas.get(f"findings/{raised}/")["status"] == "closed"
        given = tomas.post(
            f"validations/{opened}/conclude/",
            json={"outcome": "fit", "conclusion": "Fit for its use.", "residual_risk": "moderate"},
        )
        self._refused("tomas", given["request"])
        self._signed(given["request"], "elena", "Plan and evidence read; the outcome follows from them.")

    def _finding(self) -> dict[str, str]:
        return {
            "title": "Handling of missing income",
            "description": "Not described in the development document.",
            "severity": "medium",
            "owner": "daniel@nordhaven.example",
        }

    def _sign(self, version: str) -> None:
        request = self.people["priya"].post(f"versions/{version}/submit/", json={"note": "Ready"})["request"]
        self._refused("priya", request)
        for name in ("jonas", "maria"):
            self._signed(request, name, "Evidence read; I approve.", wrong=True)
        assert self.people["maria"].get(f"requests/{request}/")["status"] == "approved"

    def _refused(self, name: str, request: str) -> None:
        """A party may not even see the statement that would be signed."""
        decision = {"decision": "approve", "rationale": "I would.", "conditions": []}
        refused = self.people[name].post(f"requests/{request}/statement/", expect=(403, 409), json=decision)
        assert refused["reasons"], refused

    def _signed(self, request: str, name: str, why: str, *, wrong: bool = False) -> None:
        """Read the statement and sign it, after a wrong password when told so."""
        signer = SignedIn(self.address, name)
        decision = {"decision": "approve", "rationale": why, "conditions": []}
        shown = signer.post(f"requests/{request}/statement/", json=decision)
        if wrong:
            mistake = {"token": shown["token"], "password": "wrong"}
            signer.post(f"requests/{request}/sign/", expect=(409,), json=mistake)
        signer.post(f"requests/{request}/sign/", json={"token": shown["token"], "password": PASSWORD})

    def _deploy(self, version: str) -> str:
        lucia = self.people["lucia"]
        self.endpoint = f"main-job-{int(time.time())}"
        facts = {"model": self.model, "target": "decision-engine", "endpoint": self.endpoint}
        place = str(lucia.post("deployments/", json=facts)["id"])
        self._apply(place, version)
        return place

    def _apply(self, place: str, version: str) -> None:
        lucia = self.people["lucia"]
        asked = lucia.post(f"deployments/{place}/revisions/", json={"version": version})["request"]
        self._refused("lucia", asked)
        self._signed(asked, "jonas", "The approved bytes, to the place that was tested.")
        seen = lucia.until(f"deployments/{place}/", "sync", "in_sync", ("applying",))
        assert seen["current"]["version"] == version, seen
        assert seen["current"]["verification"]["digest"] == seen["current"]["artifact_sha256"], seen
        assert seen["current"]["verification"]["probe"]["done"], seen

    def _compare(self, version: str, material: Material, artifact: bytes) -> None:
        """The gateway's answer for ten applications against our own onnxruntime."""
        rows = pq.read_table(material.test.path, columns=list(material.features)).slice(0, 10)
        table = np.column_stack([rows[name].to_numpy() for name in material.features]).astype("float32")
        session = onnxruntime.InferenceSession(artifact, providers=["CPUExecutionProvider"])
        expected = session.run(None, {session.get_inputs()[0].name: table})[1][:, 1]
        target = Target.objects.get(key="decision-engine")
        body = {
            "inputs": [
                {"name": name, "shape": [10, 1], "datatype": "FP32", "data": table[:, at].tolist()}
                for at, name in enumerate(material.features)
            ]
        }
        answer = httpx.post(
            f"{target.config['base_url']}/v2/models/{self.endpoint}/infer", json=body, timeout=10
        ).json()
        served = next(entry for entry in answer["outputs"] if entry["datatype"].startswith("FP"))["data"][1::2]
        assert np.allclose(served, expected, atol=1e-6), (served, expected)

    def _deploy_and_roll_back(self, place: str, second: str, material: Material) -> None:
        self._apply(place, second)
        self._compare(second, material, material.boosted)
        lucia = self.people["lucia"]
        back = {"number": 1, "reason": "More refusals than expected"}
        asked = lucia.post(f"deployments/{place}/roll-back/", json=back)["request"]
        self._signed(asked, "maria", "Back to what ran well.")
        seen = lucia.until(f"deployments/{place}/", "sync", "in_sync", ("applying",))
        assert seen["current"]["restores"] == 1, seen
        self._compare(second, material, material.logistic)

    def _timeline(self) -> None:
        page = self.people["ingrid"].get(f"models/{self.model}/timeline/?page_size=500")
        verbs = {event["verb"] for event in page["results"]}
        wanted = {
            "inventory.register", "inventory.rate", "inventory.attach_artifact", "evaluation.complete",
            "validation.conclude", "validation.verify_finding", "signoff.vote", "approval.grant",
            "deployment.verify", "deployment.roll_back", "deployment.release",
        }  # fmt: skip
        assert wanted <= verbs, f"missing in the timeline: {sorted(wanted - verbs)}"

    def _report(self, version: str) -> None:
        ingrid = self.people["ingrid"]
        report = ingrid.post(f"versions/{version}/reports/", json={})["id"]
        issued = ingrid.until(f"reports/{report}/", "status", "issued", ("queued",))
        content = ingrid.http.get(f"reports/{report}/file/").content
        assert content.startswith(b"%PDF"), content[:40]
        assert hashlib.sha256(content).hexdigest() == issued["sha256"]


def main_job(address: str, tell: Tell, make: Make = prepare) -> bool:
    """Walk it all, on the material that is made; True when every step held."""
    tell("The main job, over HTTP:")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mrm-check-") as folder:
        try:
            MainJob(address, tell, make).run(Path(folder))
        except Failed as step:
            tell(f"The main job failed at: {step}")
            return False
    tell(f"The main job holds, in {time.monotonic() - began:.1f} s")
    return True
