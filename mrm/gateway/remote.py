"""The backup at another gateway: asked over HTTP, and believed only when it says the approved version and bytes."""

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from mrm.serving import Elsewhere

from .refusal import MANUAL
from .route import RouteVariant
from .runtime import CannotScore, TimedOut
from .tensors import Array, decode

LOOK_SECONDS = 2.0
MOST = 16 << 20  # bytes of an answer
_LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=16)


class Remote:
    """One version at one endpoint elsewhere. Nothing follows a redirect, and no proxy of the environment is used."""

    def __init__(self, place: Elsewhere, variant: RouteVariant) -> None:
        self.variant, self.place = variant, place
        path = f"/v2/models/{quote(place.endpoint, safe='')}/versions/{quote(variant.version, safe='')}"
        self._model, self._host = place.url.rstrip("/") + path, urlsplit(place.url).netloc
        self._client: httpx.AsyncClient | None = None
        self._seen: str | None = None  # the digest that was told last

    async def score(self, body: Mapping[str, Any], id: str, seconds: float) -> dict[str, Array]:
        """The outputs by name, of an answer that came from the approved bytes within the time limit."""
        try:
            async with self._opened().stream(
                "POST", f"{self._model}/infer", json=dict(body), headers=self._headers(id), timeout=seconds
            ) as answer:
                content = await self._read(answer)
        except httpx.TimeoutException:
            raise TimedOut(503, f"{self._who} did not answer within {seconds * 1000:.0f} ms.", MANUAL) from None
        except httpx.HTTPError as error:
            raise self._no(f"did not answer: {type(error).__name__}.") from None
        said = self._said(answer.status_code, content)
        self._require_approved(said)
        try:
            return {tensor["name"]: decode(tensor)[1] for tensor in said["outputs"]}
        except Exception:  # whatever is wrong with it, it is no answer
            raise self._no("gave outputs that are none.") from None

    def look(self) -> tuple[str | None, str]:
        """The digest that it says it serves there, or said last, and why it does not serve; asked anew each time."""
        try:
            with httpx.Client(trust_env=False, timeout=LOOK_SECONDS) as client:
                answer = client.get(self._model, headers=self._headers(""))
            said = self._said(answer.status_code, answer.content)
            digest = said["parameters"]["digest"]
        except CannotScore as fault:
            return self._seen, fault.message
        except (httpx.HTTPError, KeyError, TypeError) as error:
            return self._seen, f"{self._who} did not answer: {type(error).__name__}."
        self._seen = digest if isinstance(digest, str) else None
        return self._seen, "" if self._seen else f"{self._who} does not tell which bytes it serves."

    @property
    def _who(self) -> str:
        return f"The backup at {self._host}"

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(trust_env=False, limits=_LIMITS)
        return self._client

    def _headers(self, id: str) -> dict[str, str]:
        """With the token that this process was given for it: a route names it, and never carries it."""
        name = self.place.secret.upper().replace("-", "_")
        token = os.environ.get(f"MRM_GATEWAY_TOKEN_{name}", "") if name else ""
        return {**({"Authorization": f"Bearer {token}"} if token else {}), **({"X-Request-ID": id} if id else {})}

    async def _read(self, answer: httpx.Response) -> bytes:
        content = b""
        async for part in answer.aiter_bytes():
            content += part
            if len(content) > MOST:
                raise self._no(f"answered with more than {MOST} bytes.")
        return content

    def _said(self, status: int, content: bytes) -> dict[str, Any]:
        try:
            said = httpx.Response(200, content=content).json()
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise self._no(f"gave no JSON object, with status {status}.")
        if status != 200:
            raise self._no(f"refused: {str(said.get('error', status))[:300]}")
        return said

    def _require_approved(self, said: Mapping[str, Any]) -> None:
        parameters = said.get("parameters")
        told = parameters if isinstance(parameters, dict) else {}
        if said.get("model_version") != self.variant.version:
            raise self._no(f"answered by version {str(said.get('model_version'))[:50]}, not {self.variant.version}.")
        if told.get("digest") != self.variant.digest:
            raise self._no(f"answered by other bytes than the approved ones of version {self.variant.version}.")
        flags = told.get("flags")
        fallen = (
            next((each for each in flags if str(each).startswith("approval_")), None)
            if isinstance(flags, list)
            else None
        )
        if fallen:
            raise self._no(f"may not be used there: {str(fallen).replace('_', ' ')}.")

    def _no(self, what: str) -> CannotScore:
        return CannotScore(503, f"{self._who} {what}", MANUAL)
