"""Amazon's request signature on our own requests, with credentials of a role where one is named."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from ..errors import AuthFailed, Invalid

CONTENT = "x-amz-content-sha256"
_EMPTY = hashlib.sha256(b"").hexdigest()


class AmazonAuth(httpx.Auth):
    """Signs with what the environment, the instance or the named secrets give; shows none of it."""

    def __init__(self, service: str, region: str, credentials: Any) -> None:
        self._service, self._region, self._credentials = service, region, credentials

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        from botocore.auth import S3SigV4Auth, SigV4Auth  # noqa: PLC0415  boto3 is an extra
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415

        kept = {"content-type", "x-amz-target", "x-amz-checksum-sha256", "x-amz-checksum-mode", CONTENT}
        headers = {name: value for name, value in request.headers.items() if name.lower() in kept}
        if CONTENT not in headers:
            headers[CONTENT] = hashlib.sha256(request.content).hexdigest() if request.content else _EMPTY
        asked = AWSRequest(method=request.method, url=str(request.url), headers=headers)
        asked.context["payload_signing_enabled"] = True
        kind = S3SigV4Auth if self._service == "s3" else SigV4Auth
        signer = kind(self._credentials.get_frozen_credentials(), self._service, self._region)
        signer.payload = lambda _: headers[CONTENT]  # a streamed file brings the digest it was verified against
        try:
            signer.add_auth(asked)
        except BotoCoreError as error:
            raise AuthFailed(f"There are no credentials for Amazon: {error}.") from None
        request.headers.update(dict(asked.headers.items()))
        yield request


def credentials(config: Mapping[str, Any], secrets: Mapping[str, str]) -> Any:
    """From the named secrets, else from where the process runs; then as the role, when one is named."""
    try:
        import boto3  # noqa: PLC0415  an extra
    except ImportError:
        raise Invalid("The sagemaker connector needs the extra `sagemaker`; install it first.") from None
    session = boto3.Session(
        aws_access_key_id=secrets.get("access_key_secret"),
        aws_secret_access_key=secrets.get("secret_key_secret"),
        region_name=config["region"],
    )
    if "assume_role" in config:
        from botocore.credentials import (  # noqa: PLC0415  an extra
            AssumeRoleCredentialFetcher,
            DeferredRefreshableCredentials,
        )

        fetcher = AssumeRoleCredentialFetcher(
            session._session.create_client, session.get_credentials(), config["assume_role"]
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    found = session.get_credentials()
    if found is None:
        raise Invalid("There are no credentials for Amazon: name secrets, or run where a role is given.")
    return found
