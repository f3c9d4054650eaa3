"""A notebook pushes predictions, starts a run, reads results and takes the report along, through the real application."""

from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from django.core.wsgi import get_wsgi_application

from mrm.access import services as access
from mrm.client import Client, Refusal
from tests.factories import journey
from tests.factories.access import Cast, fresh


class Worked(httpx.BaseTransport):
    """The application itself, with a worker that has done its work before each answer."""

    def __init__(self) -> None:
        self.served = httpx.WSGITransport(app=get_wsgi_application())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            journey.drain()
        return self.served.handle_request(request)


def test_predictions_are_pushed_and_results_read(own_database: str, tmp_path: Path) -> None:
    cast = Cast()
    draft = journey.version(cast)
    token = access.issue_token(
        cast.developer,
        label="Notebook",
        scopes=["inventory:*", "evaluation:*", "reporting:*"],
        days=1,
        actor=fresh(cast.developer),
    )
    secret = token.secret  # type: ignore[attr-defined]
    client = Client("http://testserver", secret, transport=Worked())
    draw = np.random.default_rng(3)
    scores = draw.beta(2, 5, 1_500)
    table = pd.DataFrame(
        {"row_id": np.arange(1_500), "default": (draw.random(1_500) < scores).astype(int), "score": scores}
    )
    assert client.inspection(str(draft.pk))["outcome"] == "clean"
    again = client.inspection(str(draft.pk), again=True)
    assert [each["name"] for each in again["tools"]] == ["format", "onnx"]

    held = client.push(table, name="Scored elsewhere", source="Notebook", unit=cast.retail.key, version=str(draft.pk))
    assert held["rows"] == 1_500

    run = client.start(
        str(draft.pk),
        held["id"],
        ["performance"],
        label="default",
        predictions="score",
        favourable="below",
        cutoff="0.3",
    )
    assert client.wait(run["id"])["digest"]
    found = client.results(run["id"]).set_index("measure")
    assert found.loc["auc", "lower"] < found.loc["auc", "value"] < found.loc["auc", "upper"]
    assert found.loc["auc", "n"] == 1_500

    with pytest.raises(Refusal, match=r"holds no bias tests"):
        client.report(run["id"], "bias", tmp_path / "report.pdf")
    with pytest.raises(Refusal, match=r"has no column nothing"):
        client.start(
            str(draft.pk),
            held["id"],
            ["performance"],
            label="nothing",
            predictions="score",
            favourable="below",
            cutoff="0.3",
        )
    (tmp_path / "broken.csv").write_text('a,b\n1,"2\n')
    with pytest.raises(Refusal, match=r"Row 1 cannot be read"):
        client.push(
            tmp_path / "broken.csv", name="Broken", source="Notebook", unit=cast.retail.key, version=str(draft.pk)
        )
    client.close()
    with pytest.raises(Refusal):
        Client("http://testserver", "mrm_nothing", transport=Worked()).results(run["id"])
