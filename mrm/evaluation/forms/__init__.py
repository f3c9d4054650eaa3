"""What a person types to ask for a run, or to permit one."""

from mrm.evaluation.forms.reason import ReasonForm
from mrm.evaluation.forms.start import StartForm

__all__ = ["ReasonForm", "StartForm"]
