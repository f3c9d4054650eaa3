"""Compare what answered with what was approved; a difference is an incident at its endpoint."""

from collections.abc import Set
from uuid import UUID

from mrm.deployment.models import Deployment, Revision
from mrm.deployment.policies import Drift, Kind
from mrm.deployment.services.incidents import open_incident
from mrm.prediction import queries
from mrm.prediction.models import AlertKind
from mrm.prediction.policies import differs
from mrm.prediction.services.alerts import LOG, raise_alert
from mrm.prediction.services.counting import Answer


def look_at(answers: Set[Answer]) -> None:
    """Within the transaction that writes the rows, so that no answer is kept whose difference is not told."""
    known = Deployment.objects.in_bulk([UUID(answer[0]) for answer in answers])
    wanted = queries.revisions_by_number({(UUID(key), number) for key, number, *_ in answers})
    for answer in sorted(answers):
        deployment = known.get(UUID(answer[0]))
        if deployment is None:
            told = f"A gateway answered for the endpoint {answer[0]}, version {answer[2] or 'unknown'}, which is not on record here."
            raise_alert(AlertKind.STRANGER, sentence=told, actor=LOG)
        else:
            _compare(deployment, wanted.get((deployment.pk, answer[1])), answer)


def _compare(deployment: Deployment, revision: Revision | None, answer: Answer) -> None:
    _, number, version, digest, approval = answer
    sentence = differs(number, version, digest, approval, queries.approved_of(revision))
    if sentence is None:
        return
    kind = Kind.ARTIFACT if revision else Kind.EXTRA
    seen = {"variants": [{"version": version, "digest": digest}], "revision": number}
    open_incident(deployment, Drift(kind, f"{sentence} So says the prediction log."), seen=seen, revision=revision)
