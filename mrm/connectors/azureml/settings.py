"""What a place at Azure Machine Learning is configured with."""

from collections.abc import Mapping
from typing import Any

from ..guide import BYTES_LIE_THERE, ROWS_ARE_REMOVED
from ..settings import ADDRESS, CONNECTION, TEXT

_PLAIN = TEXT | {"pattern": "^[\\w.()-]+$"}
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
        "subscription": TEXT | {"pattern": "^[0-9a-fA-F-]{36}$", "title": "Subscription", "examples": ["1f0c2d3e-0000-4000-8000-5a6b7c8d9e0f"]},
        "resource_group": _PLAIN | {"title": "Resource group", "examples": ["risk"]},
        "workspace": _PLAIN | {"title": "Workspace", "examples": ["models"]},
        "location": TEXT | {"pattern": "^[a-z0-9]+$", "title": "Region", "examples": ["westeurope"]},
        "storage": TEXT | {"pattern": "^(azureml|https)://.+", "title": "Place of the bytes", "examples": ["https://account.blob.core.windows.net/approved"]},
        "environment": TEXT | {"pattern": "/environments/[^/]+/versions/[^/]+$", "title": "Version of an environment", "examples": ["/subscriptions/…/environments/onnx/versions/3"]},
        "instance_type": TEXT | {"title": "Kind of instance", "examples": ["Standard_DS3_v2"]},
        "instances": {"type": "integer", "minimum": 1, "maximum": 100, "title": "Instances per version"},
        "model_type": {"enum": ["custom_model", "mlflow_model", "triton_model"], "title": "Type of the models"},
        "auth_mode": {"enum": ["AADToken", "AMLToken", "Key"], "title": "How callers prove who they are"},
        "public": {"type": "boolean", "title": "Reachable from the internet"},
        "tenant": _PLAIN | {"title": "Tenant of the application", "examples": ["1f0c2d3e-0000-4000-8000-5a6b7c8d9e0f"]},
        "client_id": _PLAIN | {"title": "The application's number", "examples": ["1f0c2d3e-0000-4000-8000-5a6b7c8d9e0f"]},
        "client_secret": TEXT | {"title": "Name of the secret with the application's secret"},
        "authority": ADDRESS | {"title": "Another address of Microsoft Entra, as of a national cloud"},
        "base_url": ADDRESS | {"title": "Another address of the resource manager"},
        "scope": TEXT | {"title": "Another scope of the tokens, as of a national cloud"},
        "batches": ADDRESS | {"pattern": _FOLDER, "title": "Folder for batches in the workspace's storage account", "examples": ["https://account.blob.core.windows.net/exchange/mrm"]},
        "batch_datastore": _PLAIN | {"title": "The datastore over its container, unless the workspace's own"},
        "cluster": TEXT | {"pattern": _CLUSTER, "title": "Compute cluster that scores batches", "examples": ["cpu-cluster"]},
        "batch_environment": TEXT
        | {"pattern": "/environments/[^/]+/versions/[^/]+$", "title": "Another environment for batches", "examples": ["/subscriptions/…/environments/onnx/versions/3"]},
        "jobs_url": ADDRESS | {"title": "Another address of batch jobs, as a private endpoint"},
        "jobs_scope": TEXT | {"title": "Another scope of the tokens for batch jobs"},
        "scoring_domain": _PLAIN | {"title": "Another domain of batch endpoints, as of a national cloud"},
        "storage_url": ADDRESS | {"title": "Another address of the storage account, as a private endpoint"},
        "storage_scope": TEXT | {"title": "Another scope of the tokens for storage"},
        **CONNECTION,
    },
}  # fmt: skip
GUIDE = (
    BYTES_LIE_THERE,
    (
        "For batches name a folder in the workspace's own storage account, such as"
        " https://ACCOUNT.blob.core.windows.net/CONTAINER/mrm, the datastore over its container unless that is"
        " workspaceblobstore, and a compute cluster."
    ),
    (
        "A batch is scored by our own script, which hashes the model before it loads it: ONNX models of the type custom_model"
        " alone, in an environment with Python 3.9 or later, numpy and onnxruntime. What is missing in a row is NaN."
    ),
    (
        "Our identity needs the role AzureML Data Scientist on the workspace and Storage Blob Data Contributor on the container;"
        " a datastore without credentials needs the latter for the cluster's identity as well. Nobody else should write there."
    ),
    (
        "We make a batch endpoint for each online endpoint, taken away with it. Azure keeps the record and the logs of a job,"
        " which hold no rows."
    ),
    ROWS_ARE_REMOVED,
)
