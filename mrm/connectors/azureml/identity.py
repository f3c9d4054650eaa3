"""Tokens of Microsoft Entra: of a named application, else of where the process runs."""

import os
import time
from collections.abc import Mapping
from typing import Any

from ..errors import AuthFailed, Invalid, Transient
from ..http import Backend
from ..tokens import Fetch, client_credentials, refused

ENTRA = "Microsoft Entra"
_AUTHORITY = "https://login.microsoftonline.com"


def fetch(config: Mapping[str, Any], secrets: Mapping[str, str], scope: str) -> Fetch:
    """How a token is had: by the application's secret where one is named, else by workload or managed identity."""
    if "client_secret" not in config:
        return _ambient(scope, config.get("client_id"))
    authority = Backend.configured(ENTRA, config.get("authority", _AUTHORITY), config, special=refused(ENTRA))
    path = f"/{config['tenant']}/oauth2/v2.0/token"
    return client_credentials(authority, path, config["client_id"], secrets["client_secret"], scope, basic=False)


def _ambient(scope: str, client_id: str | None) -> Fetch:
    """What the platform gives the process, and nothing that a person at this machine has signed in to."""

    def ask() -> tuple[str, float]:
        try:
            from azure.core.exceptions import AzureError, ClientAuthenticationError  # noqa: PLC0415  an extra
            from azure.identity import (  # noqa: PLC0415
                ChainedTokenCredential,
                EnvironmentCredential,
                ManagedIdentityCredential,
                WorkloadIdentityCredential,
            )
        except ImportError:
            raise Invalid(
                "Without the secret of an application the azureml connector needs the extra `azureml`; install it first."
            ) from None
        try:
            ways: list[Any] = [EnvironmentCredential(), ManagedIdentityCredential(client_id=client_id)]
            if "AZURE_FEDERATED_TOKEN_FILE" in os.environ:
                ways.insert(1, WorkloadIdentityCredential(client_id=client_id))
            token = ChainedTokenCredential(*ways).get_token(scope)
        except ClientAuthenticationError:
            raise AuthFailed("Nothing where this process runs gives it an identity in Microsoft Entra.") from None
        except AzureError:
            raise Transient(f"{ENTRA} did not answer when it was asked for a token.") from None
        return token.token, token.expires_on - time.time()

    return ask
