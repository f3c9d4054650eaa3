"""A notebook's way in: push a table of predictions, start a run, read the results, take the report along.

    client = Client("https://models.bank.example", token)
    data = client.push(frame, name="Q3 scored", source="Data mart", unit="retail", version=version)
    run = client.start(version, data["id"], ["performance", "bias"], label="default",
                       predictions="score", favourable="below", cutoff="0.2")
    client.wait(run["id"])
    client.results(run["id"])
    client.report(run["id"], "bias", Path("bias.pdf"))
    client.inspection(version)
    client.convert(version, data["id"], label="2.1.0-onnx", tolerance="0.00001")
    client.bill_of_materials(version, Path("model.cdx.json"))
    client.decisions("req-2026-11-27-000017", on=date(2026, 11, 27))
    client.list_place(client.places()[0]["id"])
    client.confirm(client.sightings("confirm")[0]["id"], version)
    run = client.score(version, data["id"], use="Retail credit")
    client.scores(run["id"], Path("scores.parquet"))
    client.scored_by(run["id"], "A041")

Nothing here knows the server's code; it speaks the API that `/api/v1/schema/` describes.
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    import pandas as pd

Record = dict[str, Any]
POLL_S = 2.0


class Refusal(Exception):
    """What the server does not do, in its own sentences."""


class Client:
    """One account at one server, by a token of that account (page Your account, or `/api/v1/tokens/`).

    Ids of models, versions and data sets are those on their pages. Every call raises `Refusal` with
    the server's sentences when it is refused, and `httpx.HTTPError` when there is no answer.
    """

    def __init__(
        self, address: str, token: str, *, timeout_s: float = 60, transport: httpx.BaseTransport | None = None
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        base = f"{address.rstrip('/')}/api/v1/"
        self._http = httpx.Client(base_url=base, headers=headers, timeout=timeout_s, transport=transport)

    def push(
        self,
        table: pd.DataFrame | Path,
        *,
        name: str,
        source: str,
        unit: str,
        version: str,
        role: str = "test",
        holds_protected: bool = False,
        **more: str,
    ) -> Record:
        """Upload a table, as a frame or a file of CSV, Parquet or XLSX, and link it to a version; gives the data set.

        `unit` is the key of the business unit that owns the data, as `units/` lists them.
        `role` is training, test, out_of_time, background or protected. Protected attributes travel in
        a table of their own with a column `row_id` in common.
        """
        filename, content = _bytes(table)
        given = {"name": name, "source": source, "unit": unit, "holds_protected": str(holds_protected).lower(), **more}
        made = self._asked("POST", "datasets/", data=given, files={"file": (filename, content)})
        self._asked("POST", f"versions/{version}/datasets/", json={"dataset": made["id"], "role": role})
        return made

    def start(self, version: str, dataset: str, kinds: list[str], *, label: str, **settings: Any) -> Record:
        """Start a run; `settings` are those of the API, as `predictions` for the column that holds the scores."""
        wanted = {"dataset": dataset, "kinds": kinds, "label": label, **settings}
        return self._asked("POST", f"versions/{version}/runs/", json=wanted)

    def wait(
        self, run: str, *, timeout_s: float = 1_800, tell: Callable[[Mapping[str, Any]], None] = lambda progress: None
    ) -> Record:
        """The run once it has ended well; `tell` hears its progress. Raises `Refusal` with the reason if it has not."""
        return self._until(f"runs/{run}/", "done", timeout_s, tell)

    def results(self, run: str) -> pd.DataFrame:
        """The results of a run, one row each: measure, group, value, interval, n, limits, status, reason, method."""
        import pandas as pd  # noqa: PLC0415  of use to this call alone

        return pd.DataFrame(self._asked("GET", f"runs/{run}/")["results"])

    def report(self, run: str, kind: str, target: Path, *, timeout_s: float = 600) -> Path:
        """Ask for a report on a run, bias, explainability or bias_summary, and keep the PDF under `target`."""
        asked = self._asked("POST", f"runs/{run}/reports/", json={"kind": kind})
        self._until(f"reports/{asked['id']}/", "issued", timeout_s, lambda progress: None)
        answer = self._http.get(f"reports/{asked['id']}/file/")
        _check(answer)
        target.write_bytes(answer.content)
        return target

    def inspection(self, version: str, *, again: bool = False, timeout_s: float = 600) -> Record:
        """What the inspection of a version's artifact found, once there is one; `again` asks for another first."""
        since = ""
        if again:
            since = self._asked("POST", f"versions/{version}/inspections/")["asked_at"]
        ends = time.monotonic() + timeout_s
        while True:
            found: list[Record] = self._asked("GET", f"versions/{version}/inspections/")["results"]
            if found and _moment(found[0]["made_at"]) >= _moment(since or found[0]["made_at"]):
                return found[0]
            if time.monotonic() > ends:
                raise Refusal(f"The artifact was not inspected within {timeout_s:.0f} s; ask for it later.")
            time.sleep(POLL_S)

    def convert(self, version: str, dataset: str, *, label: str, tolerance: str, timeout_s: float = 1_800) -> Record:
        """Have a version converted to ONNX as a new draft under `label`, once both agree on the rows of `dataset`.

        Gives the conversion: `made` is the new version, `parity` how far the two differ. Raises `Refusal`
        with the reason if scores differ by more than `tolerance`, or the model is not converted.
        """
        wanted = {"dataset": dataset, "label": label, "tolerance": tolerance}
        asked = self._asked("POST", f"versions/{version}/conversions/", json=wanted)
        return self._until(f"conversions/{asked['id']}/", "done", timeout_s, lambda progress: None)

    def bill_of_materials(self, version: str, target: Path) -> Path:
        """Keep the bill of materials of a version, CycloneDX 1.6 as JSON, under `target`."""
        answer = self._http.get(f"versions/{version}/bill-of-materials/")
        _check(answer)
        target.write_bytes(answer.content)
        return target

    def decisions(self, request: str, on: dt.date | None = None) -> list[Record]:
        """Which version, digest, approval and policy decided a request, one record for each answer under its id.

        `on` is the day in UTC; a day that is archived is read only when it is given.
        """
        answer = self._http.get(
            f"predictions/requests/{quote(request, safe='')}/", params={"on": str(on)} if on else {}
        )
        _check(answer)
        found: list[Record] = answer.json()
        return found

    def score(self, version: str, dataset: str, *, use: str, environment: str = "production") -> Record:
        """Have every row of a data set scored by an approved version, for one of the approved uses; gives the run.

        Its `way` says whether a worker scores or the `backend` of the place that serves the version, `way_because` why.
        """
        wanted = {"dataset": dataset, "use": use, "environment": environment}
        return self._asked("POST", f"versions/{version}/batch-runs/", json=wanted)

    def scores(
        self, run: str, target: Path, *, timeout_s: float = 86_400,
        tell: Callable[[Mapping[str, Any]], None] = lambda progress: None,
    ) -> Path:  # fmt: skip
        """Keep the scores of a run under `target`, Parquet with what scored each row, once every row has its own."""
        self._until(f"batch-runs/{run}/", "done", timeout_s, tell)
        with self._http.stream("GET", f"batch-runs/{run}/file/") as answer:
            if not answer.is_success:
                answer.read()
            _check(answer)
            part = target.with_name(f"{target.name}.part")  # under its name only once it is whole
            with part.open("wb") as kept:
                for piece in answer.iter_bytes():
                    kept.write(piece)
        return part.replace(target)

    def scored_by(self, run: str, row: str) -> list[Record]:
        """Which version, digest, approval and policy scored a row, by its id; by its number from 0 without ids."""
        answer = self._http.get(f"batch-runs/{run}/rows/{quote(row, safe='')}/")
        _check(answer)
        found: list[Record] = answer.json()
        return found

    def cancel_scoring(self, run: str) -> Record:
        """Score no further part of a run."""
        return self._asked("POST", f"batch-runs/{run}/cancel/", json={})

    def rules(self, deployment: str) -> Record:
        """By which rules an endpoint serves, also in words, and the ranges that the development data show."""
        return self._asked("GET", f"deployments/{deployment}/rules/")

    def change_rules(self, deployment: str, *, reason: str, **rules: Any) -> Record:
        """Want other rules: segment, on_withdrawn, log, inputs, failover; what is left out is as usual. Gives the revision.

        They are planned first, and refused when the place changes before they are sent.
        """
        planned = self._asked("POST", f"deployments/{deployment}/rules/plan/", json={"rules": rules})
        wanted = {"rules": rules, "reason": reason, "planned_on": planned["fingerprint"]}
        return self._asked("POST", f"deployments/{deployment}/rules/", json=wanted)

    def places(self) -> list[Record]:
        """The serving places and registries that the account sees."""
        return self._rows("targets/")

    def list_place(self, place: str) -> None:
        """Have a place list what it holds; a worker does it, and `sightings` shows what came of it."""
        _check(self._http.post(f"targets/{place}/list/"))

    def sightings(self, show: str = "all") -> list[Record]:
        """What was seen at places and registries; `show` is findings, confirm, serving or all."""
        return self._rows("sightings/", show=show)

    def confirm(self, sighting: str, version: str, *, reason: str = "") -> Record:
        """Say which version of the inventory a sighting is; whoever made the model is refused."""
        said = {"version": version, "reason": reason}
        return self._asked("POST", f"sightings/{sighting}/confirm/", json=said)

    def dismiss(self, sighting: str, *, reason: str) -> Record:
        """Say that what was seen is no model."""
        return self._asked("POST", f"sightings/{sighting}/dismiss/", json={"reason": reason})

    def close(self) -> None:
        self._http.close()

    def _rows(self, path: str, **wanted: str) -> list[Record]:
        """Every row, page by page where there are pages."""
        rows: list[Record] = []
        for number in itertools.count(1):
            answer = self._http.get(path, params={**wanted, "page": str(number), "page_size": "500"})
            _check(answer)
            found = answer.json()
            if isinstance(found, list):
                return found
            rows += found["results"]
            if not found["next"]:
                break
        return rows

    def _asked(self, method: str, path: str, **given: Any) -> Record:
        answer = self._http.request(method, path, **given)
        _check(answer)
        found: Record = answer.json()
        return found

    def _until(self, path: str, wanted: str, timeout_s: float, tell: Callable[[Mapping[str, Any]], None]) -> Record:
        ends = time.monotonic() + timeout_s
        while True:
            found = self._asked("GET", path)
            if found["status"] == wanted:
                return found
            if found["status"] not in {"queued", "running"}:
                raise Refusal(found["error"] or f"{found['ref']} is {found['status']}.")
            tell(found.get("progress") or {})
            if time.monotonic() > ends:
                raise Refusal(f"{found['ref']} has not ended within {timeout_s:.0f} s; it goes on, ask for it later.")
            time.sleep(POLL_S)


def _bytes(table: pd.DataFrame | Path) -> tuple[str, bytes]:
    if isinstance(table, Path):
        return table.name, table.read_bytes()
    target = io.BytesIO()
    table.to_parquet(target, index=False)
    return "table.parquet", target.getvalue()


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _check(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        reasons = answer.json()["reasons"]
    except (ValueError, KeyError, TypeError):
        reasons = [f"The server answered {answer.status_code}."]
    raise Refusal(" ".join(reasons))
