"""Azure ML's batch endpoints: code, deployments, jobs, and a cluster that really runs the script that it was given."""

import copy
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.connectors.blob_fake import FakeBlobs
from tests.connectors.cloud_fake import Fault, Said
from tests.connectors.published import Published, packaged

PACKAGE, VERSION = "azure-ai-ml", "1.26.0"
API = "2020-09-01-dataplanepreview"
ACCOUNT, CONTAINER = "exchange", "azureml-blobstore-1"
_MOMENT = 1_800_000_000
_LIVE = {"NotStarted", "Preparing", "Running", "CancelRequested"}
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]")
_PATH = re.compile(
    r"/(?:codes/(?P<code>[\w-]{1,255})/versions/1|datastores/(?P<datastore>\w+)|jobs/(?P<job>[\w-]+)/cancel"
    r"|batchEndpoints(?:/(?P<endpoint>[^/]+)(?:/(?P<deployments>deployments)(?:/(?P<deployment>[^/]+))?)?)?)"
)
_JOBS = re.compile(r"/batchEndpoints/(?P<endpoint>[^/]+)/jobs(?:/(?P<job>[\w-]+))?")
# what Azure's driver does, one file a time
_DRIVER = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("entry", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.init()
print(json.dumps([done for path in sys.argv[2:] for done in module.run([path])]))
"""
Files = dict[str, bytes]


@cache
def described_jobs(described: Callable[[Path], Published]) -> Published:
    """Jobs of the data plane, by the last of Microsoft's packages that describes them as models."""
    found = described(packaged(PACKAGE, VERSION, "azure/ai/ml/_restclient/v2020_09_01_dataplanepreview/models"))
    found.types["JobInput"] = found.types["UriFolderJobInput"]
    found.types["JobOutputV2"] = found.types["UriFileJobOutput"]
    return found


class FakeBatches:
    """`workspace` is the path of the workspace, `begin` and `passed` let time go on, `require` holds to the management package."""

    def __init__(self, workspace: str, jobs: Published, fake: Any) -> None:
        self.workspace, self.published, self.fake = workspace, jobs, fake
        self.blobs = FakeBlobs()
        self.codes: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.deployments: dict[str, dict[str, dict[str, Any]]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.asked: dict[str, tuple[str, str]] = {}  # endpoint and deployment of each job
        self.left: dict[str, int] = {}
        self.clock = itertools.count()
        self.container = CONTAINER
        self.spoil: Callable[[Files], Files] = dict  # what a test lets happen to what the script wrote
        self.told_outputs = True  # whether the data plane tells where a job writes
        self.log = ""  # what the driver wrote last

    def manages(self, method: str, path: str, query: dict[str, str], body: Any) -> Said | None:
        """A request to the resource manager below the workspace; None when it is about something else."""
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        if match["code"]:
            return self.code(method, match["code"], body)
        if match["datastore"]:
            return 200, self.datastore(match["datastore"])
        if match["job"]:
            return self.cancelled(method, match["job"])
        endpoint, deployment = match["endpoint"], match["deployment"]
        if match["deployments"] and deployment is None:
            found = [self.seen(self.deployments[endpoint], each) for each in list(self.deployments.get(endpoint, {}))]
            return 200, {"value": [self.held(each, "BatchDeployment") for each in found]}
        place = self.endpoints if deployment is None else self.deployments.get(endpoint)
        if place is None:
            raise Fault(404, "ResourceNotFound", f"There is no endpoint {endpoint}.")
        kind, name = ("BatchEndpoint", endpoint) if deployment is None else ("BatchDeployment", deployment)
        return self.resource(method, kind, place, name, f"{self.workspace}{path}", body)

    def code(self, method: str, name: str, body: Any) -> Said:
        if method == "PUT":
            self.fake.require(body, "CodeVersion")
            self.codes[name] = copy.deepcopy(body) | {"name": "1"}
            return 201, self.held(self.codes[name], "CodeVersion")
        if name not in self.codes:
            raise Fault(404, "ResourceNotFound", f"There is no code {name}.")
        return 200, self.held(self.codes[name], "CodeVersion")

    def datastore(self, name: str) -> dict[str, Any]:
        if name != "workspaceblobstore":
            raise Fault(404, "ResourceNotFound", f"There is no datastore {name}.")
        properties = {
            "datastoreType": "AzureBlob", "accountName": ACCOUNT, "containerName": self.container,
            "endpoint": "core.windows.net", "protocol": "https", "credentials": {"credentialsType": "None"},
        }  # fmt: skip
        return self.held({"name": name, "properties": properties}, "Datastore")

    def resource(self, method: str, kind: str, place: dict[str, dict[str, Any]], name: str, id: str, body: Any) -> Said:
        """A batch endpoint or one of its deployments."""
        if method == "GET":
            return 200, self.held(self.seen(place, name), kind)
        if method == "DELETE":
            if name not in place:
                return 204, {}
            self.fake.begin(place[name], "Deleting")
            return 202, {}
        self.fake.require(body, kind)
        if not _NAME.fullmatch(name):
            raise Fault(400, "BadArgument", "A name here has 3 to 32 letters, digits and dashes.")
        if kind == "BatchDeployment":
            self.require_known(body["properties"])
        made = {"createdAt": self.moment(), "createdByType": "Application", "lastModifiedAt": self.moment()}
        place[name] = copy.deepcopy(body) | {"id": id, "name": name, "systemData": made}
        if kind == "BatchEndpoint":
            self.deployments.setdefault(name, {})
            uri = f"{self.fake.url}/mfe{self.workspace}/batchEndpoints/{name}/jobs?api-version={API}"
            place[name]["properties"] |= {"scoringUri": uri}
        else:  # capitals of Azure's own
            place[name]["properties"]["compute"] = body["properties"]["compute"].replace("resourceG", "resourceg")
        self.fake.begin(place[name], "Creating")
        return 201, self.held(place[name], kind)

    def require_known(self, settings: Mapping[str, Any]) -> None:
        if settings["codeConfiguration"]["codeId"].split("/")[-3] not in self.codes:
            raise Fault(400, "BadArgument", "The code is not registered.")
        if settings["model"]["assetId"].split("/")[-3] not in self.fake.models:
            raise Fault(400, "BadArgument", "The model is not registered.")
        if not settings["compute"].endswith("/computes/batch-cluster"):
            raise Fault(400, "BadArgument", "There is no such cluster.")

    def seen(self, place: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
        if name in place and self.fake.passed(place[name]):
            del place[name]
            if place is self.endpoints:
                del self.deployments[name]
        if name not in place:
            raise Fault(404, "ResourceNotFound", f"There is no {name}.")
        return place[name]

    def held(self, value: dict[str, Any], kind: str) -> dict[str, Any]:
        found: dict[str, Any] = self.fake.require(copy.deepcopy(value), kind, answer=True)
        return found

    def serves(self, method: str, path: str, query: dict[str, str], deployment: str, body: Any) -> Said:
        """A request to the data plane, which knows jobs alone."""
        match = _JOBS.fullmatch(path.removeprefix(self.workspace))
        if match is None or query.get("api-version") != API or set(query) - {"api-version", "deployment", "$skiptoken"}:
            raise Fault(404, "NotFound", "The resource or this version of the API was not found.")
        if method == "POST":
            return 201, self.told(self.made(match["endpoint"], deployment, body))
        if match["job"]:
            if self.asked.get(match["job"], ("",))[0] != match["endpoint"]:
                raise Fault(404, "NotFound", f"There is no job {match['job']}.")
            self.goes_on(match["job"])
            return 200, self.told(match["job"])
        wanted = (match["endpoint"], query.get("deployment"))
        rest = [
            name for name, (endpoint, asked) in sorted(self.asked.items())
            if endpoint == wanted[0] and wanted[1] in (None, asked) and name > query.get("$skiptoken", "")
        ]  # fmt: skip
        more = {"nextLink": f"https://elsewhere.example/jobs?$skiptoken={rest[0]}"} if len(rest) > 1 else {}
        return 200, self.fitting({"value": [self.told(each) for each in rest[:1]]} | more, "BatchJobResourceArmPaginatedResult")  # fmt: skip

    def made(self, endpoint: str, deployment: str, body: Any) -> str:
        if problems := list(self.published.problems(body, "BatchJobResource", "job")):
            raise Fault(400, "BadRequest", "; ".join(problems))
        found = self.deployments.get(endpoint, {}).get(deployment)
        if found is None or found["properties"]["provisioningState"] != "Succeeded":
            raise Fault(404, "NotFound", f"There is no deployment {deployment} at {endpoint}.")
        name = f"batchjob-{uuid.uuid4()}"
        self.jobs[name] = {
            "id": f"{self.workspace}/jobs/{name}", "name": name, "type": "Microsoft.MachineLearningServices/jobs",
            "properties": copy.deepcopy(body["properties"]) | {"status": "NotStarted"},
            "systemData": {"createdAt": self.moment(), "createdByType": "Application"},
        }  # fmt: skip
        self.asked[name], self.left[name] = (endpoint, deployment), self.fake.steps
        return name

    def cancelled(self, method: str, name: str) -> Said:
        assert method == "POST"
        if name not in self.jobs:
            raise Fault(404, "NotFound", f"There is no job {name}.")
        if self.jobs[name]["properties"]["status"] not in _LIVE:
            raise Fault(400, "BadRequest", "The job has ended.")
        self.jobs[name]["properties"]["status"], self.left[name] = "CancelRequested", self.fake.steps
        return 202, {}

    def goes_on(self, name: str) -> None:
        """Time goes on with each look."""
        status = self.jobs[name]["properties"]["status"]
        if status not in _LIVE:
            return
        self.left[name] -= 1
        if self.left[name] > 0:
            self.jobs[name]["properties"]["status"] = "Running" if status != "CancelRequested" else status
        else:
            done = "Canceled" if status == "CancelRequested" else self.scored(name)
            self.jobs[name]["properties"]["status"] = done

    def scored(self, name: str) -> str:
        """Run the script over every file, with what lies in the store now, as the deployment says."""
        endpoint, deployment = self.asked[name]
        settings = self.deployments[endpoint][deployment]["properties"]
        job = self.jobs[name]["properties"]
        code = self.codes[settings["codeConfiguration"]["codeId"].split("/")[-3]]["properties"]["codeUri"]
        model = self.fake.models[settings["model"]["assetId"].split("/")[-3]]["properties"]["modelUri"]
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            for part, uri in (("code", code), ("model", model), ("rows", job["inputData"]["rows"]["uri"])):
                self.mounted(uri, place / part)
            script = place / "code" / settings["codeConfiguration"]["scoringScript"]
            rows = sorted(map(str, (place / "rows").iterdir()))
            variables = settings["environmentVariables"] | {
                "AZUREML_MODEL_DIR": str(place / "model"), "AZUREML_BI_OUTPUT_PATH": str(place / "out"), "PATH": os.environ["PATH"],
            }  # fmt: skip
            command = [sys.executable, "-c", _DRIVER, str(script), *rows]
            run = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)
            self.log = run.stdout + run.stderr
            if run.returncode or len(json.loads(run.stdout)) != len(rows):
                return "Failed"
            summary = self.named(job["outputData"]["score"]["uri"])
            written = {each.name: each.read_bytes() for each in (place / "out").iterdir()}
        for file, content in (self.spoil(written) | {summary.rpartition("/")[2]: run.stdout.encode()}).items():
            self.blobs.write(f"{summary.rpartition('/')[0]}/{file}", content)
        return "Completed"

    def mounted(self, uri: str, target: Path) -> None:
        under = f"{self.named(uri)}/"
        target.mkdir()
        for each in self.blobs.below(under):
            (target / each.removeprefix(under)).write_bytes(self.blobs.blobs[each])

    def named(self, uri: str) -> str:
        """The place in the store of an address in any of the forms that Azure takes."""
        if uri.startswith(f"{self.workspace}/datastores/workspaceblobstore/paths/"):
            return f"{self.container}/{uri.partition('/paths/')[2]}"
        if uri.startswith("azureml://datastores/approved/paths/"):
            return f"approved/{uri.partition('/paths/')[2]}"
        assert uri.startswith(f"https://{ACCOUNT}.blob.core.windows.net/"), uri
        return uri.partition(".net/")[2]

    def told(self, name: str) -> dict[str, Any]:
        found = copy.deepcopy(self.jobs[name])
        if not self.told_outputs:
            del found["properties"]["outputData"]
        return self.fitting(found, "BatchJobResource")

    def fitting(self, value: dict[str, Any], kind: str) -> dict[str, Any]:
        problems = list(self.published.problems(value, kind, kind, answer=True))
        assert not problems, problems
        return value

    def moment(self) -> str:
        return datetime.fromtimestamp(_MOMENT + next(self.clock), UTC).isoformat()
