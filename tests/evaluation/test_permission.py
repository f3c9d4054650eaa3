"""A pickle is run only after a clean scan that a person without a part in the model asked for, and only while that stands."""

import os
import pickle
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from rest_framework.test import APIClient
from sklearn.linear_model import LogisticRegression

from mrm.audit.models import Event
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.evaluation import queries, services
from mrm.evaluation.models import ExecutionPermission, Run
from mrm.evaluation.views.runs import version_panel
from mrm.inventory import services as inventory
from mrm.inventory.models import Version
from mrm.jobs.models import Job
from tests.factories import journey
from tests.factories import validation as make
from tests.factories.access import Cast, fresh
from tests.validation.test_views import drawn


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


def a_pickle(cast: Cast, content: bytes | None = None) -> Version:
    draft = journey.version(cast)
    if content is None:
        made = journey.material()
        table = pq.read_table(made.training.path).to_pandas()
        content = pickle.dumps(
            LogisticRegression(max_iter=500).fit(table[list(made.features)].fillna(0), table["default"])
        )
    return inventory.attach_artifact(
        draft, chunks=iter([content]), filename="model.pkl", kind="pickle", actor=fresh(cast.developer)
    )


def test_a_pickle_is_run_while_it_is_permitted_and_no_longer(cast: Cast, client: Client) -> None:
    version = a_pickle(cast)
    with pytest.raises(Invalid, match=r"A pickle is not run here before somebody permits it"):
        journey.started(cast, version, ["performance"])
    with pytest.raises(Forbidden):
        services.permit_execution(version, reason="Mine.", actor=fresh(cast.developer))
    with pytest.raises(Invalid, match=r"Say why this pickle has to be run"):
        services.permit_execution(version, reason=" ", actor=fresh(cast.validator))
    assert "Only people" not in drawn(version_panel(version, fresh(cast.developer)))
    client.force_login(cast.validator)
    client.post(f"/evaluations/permissions/{version.pk}/ask/", {"reason": "Only form there is."})
    with pytest.raises(Refused, match=r"permitted already, or being scanned"):
        services.permit_execution(version, reason="Twice.", actor=fresh(cast.officer))
    journey.drain()
    found = ExecutionPermission.objects.get()
    assert (found.status, found.asked_by) == ("granted", cast.validator)
    assert "sklearn.linear_model._logistic.LogisticRegression" in found.names
    assert "Permitted" in drawn(version_panel(version, fresh(cast.developer)))

    run = journey.evaluated(cast, version, ["performance"])
    assert (run.status, run.error) == ("done", "")
    waiting = journey.started(cast, version, ["performance"])
    inventory.attach_artifact(  # other bytes since then do not free those that the run is pinned to
        version, chunks=iter([journey.material().logistic]), filename="m.onnx", kind="onnx", actor=fresh(cast.developer)
    )
    api = APIClient()
    api.force_authenticate(fresh(cast.developer))
    address = f"/api/v1/permissions/{found.pk}/withdraw/"
    assert api.post(address, {"reason": "Mine."}).status_code == 403
    api.force_authenticate(fresh(cast.officer))
    assert api.post(address, {"reason": "A native file is there now."}).data["status"] == "withdrawn"
    found.refresh_from_db()
    assert found.ended_reason == "A native file is there now."
    journey.drain()
    waiting.refresh_from_db()
    assert waiting.status == "failed"
    assert "not run here before somebody permits it" in waiting.error
    verbs = Event.objects.filter(verb__in=["evaluation.permit", "evaluation.grant", "evaluation.withdraw_permission"])
    assert list(verbs.filter(outcome="done").order_by("position").values_list("verb", flat=True)) == [
        "evaluation.permit", "evaluation.grant", "evaluation.withdraw_permission",
    ]  # fmt: skip


def test_a_file_that_calls_something_else_is_refused_with_its_name(cast: Cast) -> None:
    version = a_pickle(cast, pickle.dumps(Evil()))
    services.permit_execution(version, reason="Looks harmless.", actor=fresh(cast.validator))
    journey.drain()
    found = ExecutionPermission.objects.get()
    assert (found.status, found.names) == ("refused", [])
    assert "posix.system" in found.error
    assert "posix.system" in drawn(version_panel(version, fresh(cast.validator)))
    with pytest.raises(Invalid, match=r"A pickle is not run here"):
        journey.started(cast, version, ["performance"])
    assert not Run.objects.exists()
    assert not Job.objects.filter(kind="evaluation.run").exists()


def test_other_kinds_and_people_with_a_part_are_turned_away(cast: Cast) -> None:
    version = journey.version(cast)
    assert queries.permission_of(version) is None
    with pytest.raises(Refused, match=r"only a pickle needs the permission"):
        services.permit_execution(version, reason="Look.", actor=fresh(cast.validator))


def test_who_made_the_bytes_elsewhere_permits_them_nowhere(cast: Cast) -> None:
    content = pickle.dumps(LogisticRegression())
    version = a_pickle(cast, content)
    there = inventory.add_version(
        make.model(cast, "Another model"), label="9.9.9", developer=cast.validator.person, actor=fresh(cast.developer)
    )
    inventory.attach_artifact(
        there, chunks=iter([content]), filename="same.pkl", kind="pickle", actor=fresh(cast.developer)
    )
    with pytest.raises(Refused, match=r"You have a part in Another model"):
        services.permit_execution(version, reason="Looks fine.", actor=fresh(cast.validator))
    assert not ExecutionPermission.objects.exists()
