"""How the connector is configured, and what MLServer is told about a version."""

from typing import Any

from ..settings import CONNECTION, TEXT
from ..values import VersionRef
from .repository import FILES

# formats that load without running code of their own; others need a runtime that the operator names
IMPLEMENTATIONS = {
    "lightgbm": "mlserver_lightgbm.LightGBMModel",
    "xgboost": "mlserver_xgboost.XGBoostModel",
}
config_schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["base_url"],
    "properties": {
        "base_url": {"type": "string", "format": "uri", "title": "Address of the inference server"},
        "repository": TEXT
        | {"pattern": "^/", "format": "folder", "title": "Folder shared with the server, to deploy to MLServer"},
        "implementations": {
            "type": "object",
            "title": "MLServer runtime by format of the artifact",
            "additionalProperties": {"type": "string", "pattern": r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"},
            "propertyNames": {"enum": ["onnx", "xgboost", "lightgbm", "skops"]},
        },
        "token_secret": TEXT | {"title": "Name of the secret with a bearer token"},
        **CONNECTION,
    },
}


def model_settings(served: str, implementation: str, version: VersionRef) -> dict[str, Any]:
    """The content of model-settings.json; always the same for the same version."""
    files = version.artifact.files
    place = f"./{FILES}/{files[0].name}" if len(files) == 1 else f"./{FILES}"
    extra = {"digest": version.artifact.digest, "features": list(version.features)}
    return {
        "name": served,
        "implementation": implementation,
        "parameters": {"version": version.version, "uri": place, "extra": extra},
    }
