"""Records that the demo has none of, made by walking the services: a version whose artifact is a pickle, and a comparison."""

import pickle

from sklearn.linear_model import LogisticRegression

from mrm.evaluation import services as evaluation
from mrm.inventory import services as inventory
from mrm.inventory.models import Version
from mrm.project.demo.bank import account_of


def found() -> None:
    """The pickle waits for somebody to permit it; the comparison is left to the worker."""
    priya = account_of("priya")
    first, second = (
        Version.objects.get(label=label, model__name="Retail credit decision") for label in ("1.0.0", "1.1.0")
    )
    draft = inventory.add_version(
        first.model, label="1.2.0", developer=priya.person, methodology="Logistic regression", intended_use="As before",
        features=list(first.features), target="default", cutoff=str(first.cutoff), actor=priya,
    )  # fmt: skip
    content = pickle.dumps(LogisticRegression())
    inventory.attach_artifact(draft, chunks=iter([content]), filename="model.pkl", kind="pickle", actor=priya)
    settings = {"label": "default", "positive": 1, "cutoff": str(second.cutoff), "favourable": "below"}
    dataset = second.datasets.get(role="test").dataset
    evaluation.compare(second, challengers=[first], dataset=dataset, settings=settings, actor=priya)
