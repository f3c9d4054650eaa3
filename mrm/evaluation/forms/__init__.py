"""What a person types to ask for a run."""

from mrm.evaluation.forms.start import StartForm

__all__ = ["StartForm"]
