"""Named reads of what was compared and found."""

from django.db.models import QuerySet

from mrm.audit.models import FindingStatus, IntegrityFinding, Replay


def open_findings() -> QuerySet[IntegrityFinding]:
    """What nobody has explained yet, newest first."""
    return IntegrityFinding.objects.filter(status=FindingStatus.OPEN)


def last_replay() -> Replay | None:
    """The newest comparison of the live rows with the log."""
    return Replay.objects.first()
