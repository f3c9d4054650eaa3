from django.db import models

from mrm.access.models import Account
from mrm.jobs.models import Job, JobState


def visible_to(account: Account) -> "models.QuerySet[Job]":
    """One's own work; an administrator sees all of it."""
    if account.may("jobs.cancel"):
        return Job.objects.all()
    return Job.objects.filter(requested_by=account.username)


def latest_for(record: models.Model, kind: str | None = None) -> Job | None:
    found = Job.objects.filter(subject_type=record._meta.label_lower, subject_id=str(record.pk))
    return (found.filter(kind=kind) if kind else found).first()


def is_under_way(record: models.Model, kind: str, **arguments: str | None) -> bool:
    """Whether work of a kind on a record, with these of its arguments, waits or is being done."""
    found = Job.objects.filter(subject_type=record._meta.label_lower, subject_id=str(record.pk), kind=kind)
    return found.filter(
        state__in=[JobState.QUEUED, JobState.RUNNING],
        **{f"arguments__{name}": value for name, value in arguments.items()},
    ).exists()
