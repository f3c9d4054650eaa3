"""Who reviews whose access: sentences why not, or None."""

import datetime as dt
from collections.abc import Set


def reviews(person: str, concerned: str, reviewers: Set[str]) -> str | None:
    """Why this person does not decide on the access of the person concerned."""
    if person == concerned:
        return "Nobody reviews his own access; it goes to the lead above, or to the substitute."
    if person not in reviewers:
        return "This is reviewed by the lead of the unit, by the lead above where it is his own, or by the substitute."
    return None


def due_day(due: dt.date, today: dt.date) -> str | None:
    """A review has time to be done, and an end."""
    if due <= today:
        return "The due day must lie ahead: choose a day after today."
    if due > today + dt.timedelta(days=366):
        return "A review is done within a year: choose an earlier due day."
    return None


def substitute(may_review: bool) -> str | None:
    """Who stands in where a lead would review himself holds a role that reviews."""
    if not may_review:
        return "The substitute must be a business-unit lead or risk officer: name somebody who holds such a role."
    return None
