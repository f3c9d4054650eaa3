"""Ray Serve's one configuration: read, merged with care, written as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import Conflict, Invalid
from ..http import Backend
from ..values import Op

_PATH = "/api/serve/applications/"
MARK = "mrm"


@dataclass(frozen=True)
class Application:
    """One application as Ray tells of it. `ours` holds what we wrote into it, empty when it is not ours."""

    name: str
    status: str
    message: str
    config: Mapping[str, Any]
    ours: Mapping[str, Any]

    @property
    def reason(self) -> str:
        if self.status == "RUNNING":
            return ""
        return f"Ray says {self.status}. {' '.join(self.message.split())[-300:]}".strip()


class Cluster:
    """`shared` says that applications of others are kept and written back as they were read."""

    def __init__(self, backend: Backend, shared: bool) -> None:
        self._backend, self._shared = backend, shared

    def version(self) -> str:
        return str(self._backend.json("GET", "/api/version").get("ray_version"))

    def applications(self, op: Op | None = None) -> dict[str, Application]:
        found = self._backend.json("GET", _PATH, op=op).get("applications")
        if not isinstance(found, dict):
            raise Invalid("Ray's answer has no applications.")
        return {name: _application(name, item) for name, item in found.items()}

    def put(self, name: str, config: Mapping[str, Any] | None, op: Op) -> None:
        """Everything that is there, with one application changed, or taken out when `config` is None."""
        kept = []
        for other in self.applications(op).values():
            if other.name == name or other.status == "DELETING":
                continue
            if not other.ours and not self._shared:
                raise Conflict(
                    f"The application {other.name} in this Ray cluster is not ours, and a change replaces all of them. "
                    "Set shared to keep and rewrite the applications of others."
                )
            if not other.config:
                raise Conflict(f"The application {other.name} was started by a program and cannot be written back.")
            kept.append(dict(other.config))
        wanted = [*kept, dict(config)] if config is not None else kept
        self._backend.json("PUT", _PATH, body={"applications": wanted}, op=op)


def _application(name: str, item: Any) -> Application:
    if not isinstance(item, dict) or not isinstance(item.get("status"), str):
        raise Invalid("Ray described an application in a way that is not understood.")
    config = item.get("deployed_app_config") or {}
    return Application(name, item["status"], str(item.get("message") or ""), config, _ours(config))


def _ours(config: Mapping[str, Any]) -> Mapping[str, Any]:
    deployments = config.get("deployments")
    for deployment in deployments if isinstance(deployments, list) else []:
        given = deployment.get("user_config") if isinstance(deployment, dict) else None
        found = given.get(MARK) if isinstance(given, dict) else None
        if isinstance(found, dict):
            return found
    return {}
