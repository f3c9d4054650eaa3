"""What a person types to ask for a run or a comparison, or to permit one."""

from mrm.evaluation.forms.choosing import ChoiceForm
from mrm.evaluation.forms.comparing import CompareForm
from mrm.evaluation.forms.converting import ConvertForm
from mrm.evaluation.forms.reason import ReasonForm
from mrm.evaluation.forms.start import StartForm

__all__ = ["ChoiceForm", "CompareForm", "ConvertForm", "ReasonForm", "StartForm"]
