"""Experiments: registered before anybody looks, read on schedule, closed by a wrong sample ratio, and acted on by a request."""

import hashlib
import html
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.http import HttpResponse
from django.test import Client

from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.deployment import services
from mrm.deployment.models import Deployment, Experiment, Incident, Reading, Target
from mrm.deployment.policies import Share
from mrm.deployment.queries import release_request
from mrm.deployment.services.outcomes import COLUMNS
from mrm.inventory.models import Version
from mrm.jobs.runner import run_next
from tests.deployment.test_pages import api, browser
from tests.factories.access import SETUP, Cast
from tests.factories.approved import a_model, an_approved
from tests.factories.release import released

PLAN = {
    "metric": "Paid back in time", "higher_is_better": True, "base_rate": 0.5, "smallest_effect": 0.2, "horizon": 200,
    "looks": 4, "stop_rules": "At a limit, at the horizon, or when the guardrail stops.",
}  # fmt: skip
Pair = tuple[Version, Version]


def rows(first: int, paid: int, second: int, also: int) -> list[tuple[str, str, int]]:
    """A table: so many units in the arms 1.0.0 and 2.0.0, of which so many with the outcome."""
    arms = [("1.0.0", place < paid) for place in range(first)] + [("2.0.0", place < also) for place in range(second)]
    return [(hashlib.sha256(str(n).encode()).hexdigest(), arm, int(hit)) for n, (arm, hit) in enumerate(arms)]


@pytest.fixture
def pair(cast: Cast, place: Target, tmp_path: Path) -> Pair:
    model = a_model(cast)
    first = an_approved(cast, model, tmp_path)
    return first, an_approved(cast, model, tmp_path, label="2.0.0", seed=2)


@pytest.fixture
def deployment(cast: Cast, place: Target, pair: Pair) -> Deployment:
    made = services.create(pair[0].model, target=place, endpoint="credit", actor=cast.deployer)
    shares = [Share(pair[0], "champion", 5_000), Share(pair[1], "challenger", 5_000)]
    released(cast, services.change_traffic(made, shares=shares, unit_field="customer", actor=cast.deployer))
    while run_next():
        pass
    assert made.revisions.get().status == "applied", made.revisions.get().error
    return made


@pytest.fixture
def experiment(cast: Cast, deployment: Deployment) -> Experiment:
    return services.register_experiment(deployment, actor=cast.deployer, **PLAN)


def test_an_experiment_is_read_on_schedule_and_promotes_by_a_request(
    cast: Cast, deployment: Deployment, pair: Pair, experiment: Experiment
) -> None:
    assert (experiment.unit_of_assignment, experiment.salt) == ("customer", deployment.revisions.get().salt)
    with pytest.raises(Refused, match="Experiment 1 is under way here: its shares stay"):
        services.deploy(deployment, version=pair[1], actor=cast.deployer)
    with pytest.raises(Refused, match="Look 1 is due at 50 units in each arm; the smallest has 40"):
        services.read_experiment(experiment, rows=rows(40, 20, 45, 30), actor=cast.deployer)
    first = services.read_experiment(experiment, rows=rows(55, 27, 52, 30), actor=cast.deployer)
    assert (first.look, services.answer(first)) == (1, "nothing shown yet")
    with pytest.raises(Refused, match="Look 2 is due at 100 units"):
        services.read_experiment(experiment, rows=rows(60, 30, 70, 40), actor=cast.deployer)
    with pytest.raises(Refused, match=r"No planned look, or not the last one, shows that 2\.0\.0 is better"):
        services.promote(experiment, label="2.0.0", reason="", actor=cast.deployer)
    harm = services.read_experiment(experiment, rows=rows(70, 35, 70, 40), guardrail=True, actor=cast.deployer)
    assert (harm.look, harm.stops, services.answer(harm)) == (None, False, "no harm shown")
    third = services.read_experiment(experiment, rows=rows(155, 75, 152, 120), actor=cast.deployer)
    assert (third.look, services.answer(third)) == (3, "2.0.0 better")
    assert third.results[0]["limit"] == pytest.approx(2.024 * (4 / 3) ** 0.5, abs=1e-3)
    page = browser(cast.deployer).get(experiment.get_absolute_url()).content.decode()
    for words in ("2.0.0: z 5.56", "look 3: 2.0.0 better", "Closed by", "Promote 2.0.0"):
        assert (words in page) == (words != "Closed by"), words
    listed = browser(cast.auditor).get(deployment.get_absolute_url()).content.decode()
    assert "This is done by a deployer" in listed
    asked = services.promote(experiment, label="2.0.0", reason="", actor=cast.deployer)
    assert (asked.status, release_request(asked) is not None) == ("awaiting", True)
    assert asked.reason == "Promoted on experiment 1: Paid back in time."
    with pytest.raises(Refused, match="is ended"):
        services.read_experiment(Experiment.objects.get(), rows=rows(210, 100, 210, 160), actor=cast.deployer)
    with pytest.raises(Refused, match="Experiment 1 ran on this assignment"):
        services.register_experiment(deployment, actor=cast.deployer, **PLAN)
    verbs = ("deployment.register_experiment", "deployment.read_experiment", "deployment.end_experiment")
    done = [Event.objects.filter(verb=verb, outcome="done").count() for verb in verbs]
    assert done == [1, 3, 1]


def test_a_wrong_sample_ratio_closes_the_reading_and_harm_stops_it(
    cast: Cast, deployment: Deployment, experiment: Experiment
) -> None:
    closed = services.read_experiment(experiment, rows=rows(160, 20, 60, 60), actor=cast.deployer)
    assert (closed.closed, closed.results, closed.ratio_p < 0.001) == (True, [], True)
    assert services.answer(closed).startswith("closed, the units did not fall into the arms as assigned")
    with pytest.raises(Refused, match="No planned look, or not the last one"):
        services.promote(experiment, label="2.0.0", reason="", actor=cast.deployer)
    stopped = services.read_experiment(
        experiment, rows=rows(4_000, 2_200, 4_000, 1_700), guardrail=True, actor=cast.deployer
    )
    assert (stopped.stops, services.answer(stopped)) == (True, "stop for harm")
    incident = Incident.objects.get(kind="harm")
    assert incident.sentence == "The guardrail of experiment 1 stopped it for harm: take 2.0.0 back."
    with pytest.raises(Refused, match="guardrail stopped this experiment for harm"):
        services.promote(experiment, label="2.0.0", reason="", actor=cast.deployer)
    opened = recorded("deployment.read_experiment", actor=SETUP, subject=experiment)
    with pytest.raises(DatabaseError, match="sample_ratio"), transaction.atomic(), opened:
        _forged(cast, experiment, look=4, per_arm=200, ratio_p=0.0001)
    opened = recorded("deployment.read_experiment", actor=SETUP, subject=experiment)
    with pytest.raises(DatabaseError, match="by the looks that were registered"), transaction.atomic(), opened:
        _forged(cast, experiment, look=4, per_arm=150, ratio_p=0.5)
    opened = recorded("deployment.register_experiment", actor=SETUP, subject=experiment)
    with pytest.raises(DatabaseError, match="refused"), transaction.atomic(), opened:
        Experiment.objects.update(horizon=10)


def _forged(cast: Cast, experiment: Experiment, **facts: object) -> None:
    Reading.objects.create(
        experiment=experiment, kind="look", table_sha256="0" * 64, units={}, results=[{"arm": "2.0.0"}],
        read_by=cast.deployer, **facts,
    )  # fmt: skip


def test_what_is_too_small_unknown_or_counted_twice_is_refused_in_words(cast: Cast, deployment: Deployment) -> None:
    with pytest.raises(
        Refused, match=r"90 units in each arm are too few: to show 0\.2 over 0\.5 with power 0\.8 takes 93"
    ):
        services.register_experiment(deployment, actor=cast.deployer, **PLAN | {"horizon": 90})
    with pytest.raises(Forbidden):
        services.register_experiment(deployment, actor=cast.developer, **PLAN)
    form = browser(cast.deployer).get(f"/deployments/{deployment.pk}/experiment/").content.decode()
    assert "2.0.0</span> challenger, 50 %" in form
    base = f"/api/v1/deployments/{deployment.pk}/experiments/"
    made = api(cast.deployer).post(base, PLAN, format="json")
    assert (made.status_code, [arm["version_label"] for arm in made.json()["arms"]]) == (201, ["1.0.0", "2.0.0"])
    assert (
        api(cast.deployer).post(base, PLAN, format="json").json()["reasons"][0].startswith("Experiment 1 is under way")
    )
    experiment = Experiment.objects.get()
    with pytest.raises(Invalid, match="stands in the table twice"):
        services.read_experiment(experiment, rows=[*rows(1, 0, 1, 1), rows(1, 0, 0, 0)[0]], actor=cast.deployer)
    with pytest.raises(Invalid, match=r"There is no arm 9\.9 in this experiment; there are 1\.0\.0, 2\.0\.0"):
        services.read_experiment(experiment, rows=[("ab" * 32, "9.9", 1)], actor=cast.deployer)
    outcomes = [{"unit": unit, "arm": arm, "outcome": hit} for unit, arm, hit in rows(52, 26, 50, 25)]
    address = f"/api/v1/experiments/{experiment.pk}/readings/"
    assert api(cast.outsider).post(address, {"outcomes": outcomes}, format="json").status_code == 404
    told = api(cast.deployer).post(address, {"outcomes": outcomes}, format="json").json()
    assert (told["look"], told["answer"]) == (1, "nothing shown yet")


def handed_in(who: Client, experiment: Experiment, content: bytes, **other: str) -> HttpResponse:
    file = SimpleUploadedFile("outcomes.csv", content)
    return who.post(f"/deployments/experiments/{experiment.pk}/outcomes/", {"outcomes": file, **other})


def test_outcomes_are_handed_in_as_a_file_and_the_reading_is_shown_by_its_sample_ratio_first(
    cast: Cast, experiment: Experiment
) -> None:
    who = browser(cast.deployer)
    good = rows(55, 27, 52, 30)
    head = "unit,arm,outcome\n"
    lines = [f"{unit},{arm},{outcome}\n" for unit, arm, outcome in good]
    for wrong, sentence in (
        ("unit,outcome\nab,1\n", "The file has no column arm; it has unit, outcome."),
        (head + lines[0] + "4711,1.0.0,1\n", "Row 2, column unit: “4711” is no hash"),
        (
            head + lines[0].replace("1.0.0", "9.9"),
            "Row 1, column arm: “9.9” is no arm of this experiment; there are 1.0.0, 2.0.0",
        ),
        (head + lines[0][:-2] + "2\n", "Row 1, column outcome: “2” is neither 0 nor 1"),
        (head + lines[0] + lines[0], "is in row 1 already; a unit has one arm and one outcome"),
    ):
        told = handed_in(who, experiment, wrong.encode())
        assert (told.status_code, html.unescape(told.content.decode()).count(sentence) > 0) == (422, True), sentence
    assert handed_in(who, experiment, b"\xff\xfe\x00").status_code == 422
    assert handed_in(who, experiment, b"PAR1 is not all").status_code == 422
    assert not Reading.objects.exists()
    taken = handed_in(who, experiment, (head + "".join(lines)).encode())
    reading = Reading.objects.get()
    assert (taken.url, reading.look) == (f"{experiment.get_absolute_url()}?reading={reading.pk}", 1)
    page = who.get(taken.url).content.decode()
    assert 0 < page.index("As assigned") < page.index("Nothing shown yet")
    table = pa.table({name: [row[place] for row in rows(90, 40, 10, 5)] for place, name in enumerate(COLUMNS)})
    stream = io.BytesIO()
    pq.write_table(table, stream)
    off = handed_in(who, experiment, stream.getvalue(), guardrail="on")
    page = who.get(off.url).content.decode()
    assert ("Nothing else is read" in page, Reading.objects.latest("read_at").results) == (True, [])
    assert handed_in(browser(cast.auditor), experiment, (head + lines[0]).encode()).status_code == 403
    assert 'id="no-reading' in browser(cast.auditor).get(experiment.get_absolute_url()).content.decode()
