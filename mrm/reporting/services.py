"""Ask for a report, render it in a worker, issue it."""

from mrm.audit.models import Event


def file_after_approval(event: Event) -> None:
    """A decision in force gets its report by itself."""
