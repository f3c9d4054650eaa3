"""Which version in Unity Catalog holds an approved artifact.

Whoever registers a version writes `sha256:` and the artifact's digest into its comment; Databricks shows no digest of
its own, so the golden rows remain the evidence of what answers.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import Invalid, NotFound
from ..http import Backend
from ..reading import text, things
from ..values import Op

WHO = "Databricks"


@dataclass(frozen=True)
class Registered:
    """A model in Unity Catalog by its full name, and one of its versions."""

    name: str
    version: str


class Catalog:
    """The models of one schema."""

    def __init__(self, backend: Backend, catalog: str, schema: str) -> None:
        self._backend, self._place = backend, f"{catalog}.{schema}"

    def name(self, model: str) -> str:
        """The model's name there: lower case, everything but letters and digits as an underscore."""
        return f"{self._place}.{re.sub(r'[^a-z0-9]+', '_', model.lower()).strip('_')}"

    def holding(self, model: str, digest: str, op: Op | None) -> Registered:
        """The one version that names the digest. Raises Invalid where there is none, or more than one."""
        name = self.name(model)
        found = [one for one in self._versions(name, op) if _names(one, digest)]
        if len(found) != 1:
            many = "no version" if not found else f"{len(found)} versions"
            raise Invalid(
                f"{WHO} has {many} of {name} with sha256:{digest[:12]}… in the comment; register the approved "
                "artifact once, with sha256: and its digest in the comment of the version."
            )
        if found[0].get("status") not in (None, "READY"):
            raise Invalid(f"{WHO} says {found[0].get('status')} of the registered version of {name}.")
        return Registered(name, str(found[0].get("version")))

    def still_names(self, registered: Registered, digest: str) -> bool:
        """Whether the version that serves is still said to be the approved one."""
        path = f"{self._path(registered.name)}/{quote(registered.version, safe='')}"
        try:
            return _names(self._backend.json("GET", path), digest)
        except NotFound:
            return False

    def _versions(self, name: str, op: Op | None) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            query = {"max_results": "100"} | ({"page_token": cursor} if cursor else {})
            try:
                found = self._backend.json("GET", f"{self._path(name)}?{urlencode(query)}", op=op)
            except NotFound:
                return
            yield from things(found, "model_versions", WHO)
            if not found.get("next_page_token"):
                return
            cursor = text(found, "next_page_token", WHO)

    def _path(self, name: str) -> str:
        return f"/api/2.1/unity-catalog/models/{quote(name, safe='')}/versions"


def _names(version: Mapping[str, Any], digest: str) -> bool:
    return f"sha256:{digest}" in str(version.get("comment") or "")
