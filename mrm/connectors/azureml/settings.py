"""What a place at Azure Machine Learning is configured with."""

from collections.abc import Mapping
from typing import Any

_TEXT = {"type": "string", "minLength": 1}
_ADDRESS = {"type": "string", "format": "uri"}
_PLAIN = _TEXT | {"pattern": "^[\\w.()-]+$"}
SCOPES = {
    "scope": "https://management.azure.com/.default",
    "jobs_scope": "https://ml.azure.com/.default",
    "storage_scope": "https://storage.azure.com/.default",
}
_FOLDER = r"^https://[a-z0-9]{3,24}\.blob\.[a-z0-9.-]+/[a-z0-9-]{3,63}(/\w[\w.-]*)*/?$"
_CLUSTER = r"^(/subscriptions/[^?#]+/computes/)?[A-Za-z][\w-]*$"

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        "subscription", "resource_group", "workspace", "location", "storage", "environment", "instance_type",
    ],
    "dependentRequired": {"client_secret": ["client_id", "tenant"]},
    "properties": {
        "subscription": _TEXT | {"pattern": "^[0-9a-fA-F-]{36}$", "title": "Subscription"},
        "resource_group": _PLAIN | {"title": "Resource group"},
        "workspace": _PLAIN | {"title": "Workspace"},
        "location": _TEXT | {"pattern": "^[a-z0-9]+$", "title": "Region"},
        "storage": _TEXT | {"pattern": "^(azureml|https)://.+", "title": "Place of the bytes"},
        "environment": _TEXT | {"pattern": "/environments/[^/]+/versions/[^/]+$", "title": "Version of an environment"},
        "instance_type": _TEXT | {"title": "Kind of instance"},
        "instances": {"type": "integer", "minimum": 1, "maximum": 100, "title": "Instances per version"},
        "model_type": {"enum": ["custom_model", "mlflow_model", "triton_model"], "title": "Type of the models"},
        "auth_mode": {"enum": ["AADToken", "AMLToken", "Key"], "title": "How callers prove who they are"},
        "public": {"type": "boolean", "title": "Reachable from the internet"},
        "tenant": _PLAIN | {"title": "Tenant of the application"},
        "client_id": _PLAIN | {"title": "The application's number"},
        "client_secret": _TEXT | {"title": "Name of the secret with the application's secret"},
        "authority": _ADDRESS | {"title": "Another address of Microsoft Entra, as of a national cloud"},
        "base_url": _ADDRESS | {"title": "Another address of the resource manager"},
        "scope": _TEXT | {"title": "Another scope of the tokens, as of a national cloud"},
        "batches": _ADDRESS | {"pattern": _FOLDER, "title": "Folder for batches in the workspace's storage account"},
        "batch_datastore": _PLAIN | {"title": "The datastore over its container, unless the workspace's own"},
        "cluster": _TEXT | {"pattern": _CLUSTER, "title": "Compute cluster that scores batches"},
        "batch_environment": _TEXT
        | {"pattern": "/environments/[^/]+/versions/[^/]+$", "title": "Another environment for batches"},
        "jobs_url": _ADDRESS | {"title": "Another address of batch jobs, as a private endpoint"},
        "jobs_scope": _TEXT | {"title": "Another scope of the tokens for batch jobs"},
        "scoring_domain": _PLAIN | {"title": "Another domain of batch endpoints, as of a national cloud"},
        "storage_url": _ADDRESS | {"title": "Another address of the storage account, as a private endpoint"},
        "storage_scope": _TEXT | {"title": "Another scope of the tokens for storage"},
        "ca_file": _TEXT | {"title": "Certificate authority file"},
        "read_seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 120, "title": "Time limit"},
    },
}  # fmt: skip
