"""Alerts about the log itself: one of a kind until somebody said what became of it."""

from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, System
from mrm.core.refusal import Invalid
from mrm.prediction.models import Alert, AlertKind
from mrm.prediction.workflow import ALERTS, AlertState

LOG = System("prediction")


def raise_alert(kind: AlertKind, *, sentence: str, actor: Actor) -> Alert:
    """The open alert of the kind, or a new one."""
    standing = Alert.objects.filter(kind=kind, status=AlertState.OPEN).first()
    return standing or _raise(kind, sentence=sentence, actor=actor)


@audited("prediction.raise_alert", "raised an {subject}: {sentence}")
def _raise(kind: AlertKind, *, sentence: str, actor: Actor) -> Alert:
    describe(sentence=sentence)
    return Alert.objects.create(kind=kind, sentence=sentence)


@audited("prediction.close_alert", "closed the {subject}")
def close_alert(alert: Alert, *, resolution: str, actor: Account) -> Alert:
    """Say what became of it; the next trouble of the kind is an alert of its own."""
    alert = Alert.objects.select_for_update(of=("self",)).get(pk=alert.pk)
    ALERTS.apply(alert, "close_alert", actor)
    if not resolution.strip():
        raise Invalid("Say what became of it.", fields={"resolution": ["Needed."]})
    alert.resolution, alert.closed_by, alert.closed_at = resolution, actor, timezone.now()
    alert.save(update_fields=["status", "resolution", "closed_by", "closed_at"])
    return alert
