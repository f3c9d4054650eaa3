"""What people type into the inventory."""

from mrm.inventory.forms.data import DatasetField, DatasetForm, LinkDatasetForm
from mrm.inventory.forms.importing import ApplyForm, ImportForm
from mrm.inventory.forms.lists import ModelFilter
from mrm.inventory.forms.model import DecommissionForm, DependencyForm, ModelField, ModelForm, ReasonForm, RegisterForm
from mrm.inventory.forms.rating import OverrideForm, RatingForm
from mrm.inventory.forms.version import ArtifactForm, EndpointForm, VersionEditForm, VersionField, VersionForm

__all__ = [
    "ApplyForm",
    "ArtifactForm",
    "DatasetField",
    "DatasetForm",
    "DecommissionForm",
    "DependencyForm",
    "EndpointForm",
    "ImportForm",
    "LinkDatasetForm",
    "ModelField",
    "ModelFilter",
    "ModelForm",
    "OverrideForm",
    "RatingForm",
    "ReasonForm",
    "RegisterForm",
    "VersionEditForm",
    "VersionField",
    "VersionForm",
]
