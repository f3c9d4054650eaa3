"""Which connectors exist, which are enabled, and how one is made from its configuration."""

import platform
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from .address import require_url
from .base import BaseConnector
from .errors import Invalid
from .protocol import API_VERSION, ArtifactStore, Cap, Connector

GROUP = "mrm.connectors"
OWN = "mrm"
# a name is looked up as a file too, so it must not lead to another one, as a path or as a key with an ending
_SECRET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_BUILT_IN = {
    "embedded": "mrm.connectors.embedded:EmbeddedConnector",
    "mlflow": "mrm.connectors.mlflow:MlflowConnector",
    "oip": "mrm.connectors.oip:OipConnector",
    "webhook": "mrm.connectors.webhook:WebhookConnector",
    "folder": "mrm.connectors.folder:FolderConnector",
    "gitops": "mrm.connectors.gitops:GitopsConnector",
    "ray": "mrm.connectors.ray:RayConnector",
    "sagemaker": "mrm.connectors.sagemaker:SagemakerConnector",
    "kserve": "mrm.connectors.kserve:KserveConnector",
    "azureml": "mrm.connectors.azureml:AzuremlConnector",
    "vertex": "mrm.connectors.vertex:VertexConnector",
    "databricks": "mrm.connectors.databricks:DatabricksConnector",
}


@dataclass(frozen=True)
class Offered:
    """A connector that could be used, and who ships it."""

    id: str
    target: str
    distribution: str
    version: str

    def load(self) -> type[BaseConnector]:
        """The class, or Invalid with the reason why it is refused."""
        module, _, name = self.target.partition(":")
        try:
            found = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise Invalid(f"The connector {self.id} cannot be loaded: {error}.") from error
        spoken = getattr(found, "api_version", None)
        if spoken != API_VERSION:
            raise Invalid(
                f"The connector {self.id} from {self.distribution} {self.version} speaks protocol "
                f"version {spoken}; this system speaks version {API_VERSION}."
            )
        return cast(type[BaseConnector], found)


def available(enabled: Collection[str] | None = None) -> dict[str, Offered]:
    """Connectors by id, built-in and installed, restricted to `enabled` when given."""
    offers = {name: Offered(name, target, OWN, _own_version()) for name, target in _BUILT_IN.items()}
    for point in _installed():
        offers.setdefault(point.name, _offer(point))
    return {name: offer for name, offer in sorted(offers.items()) if enabled is None or name in enabled}


@cache
def _installed() -> tuple[EntryPoint, ...]:
    """Read once: what is installed while a process runs is used by the next one."""
    return tuple(entry_points(group=GROUP))


def connector_class(id: str, enabled: Collection[str] | None = None) -> type[BaseConnector]:
    """The class of an enabled connector."""
    offers = available(enabled)
    if id not in offers:
        raise Invalid(f"The connector {id!r} is not installed or not enabled.")
    return offers[id].load()


def declaring(cap: Cap, enabled: Collection[str] | None = None) -> frozenset[str]:
    """The connectors whose class promises a capability; one that cannot be loaded promises none."""
    found = set()
    for name, offer in available(enabled).items():
        try:
            kind = offer.load()
        except Invalid:
            continue
        if isinstance(kind.caps, Cap) and cap in kind.caps:
            found.add(name)
    return frozenset(found)


def why_no_batch(id: str, config: Mapping[str, Any], format: str, enabled: Collection[str] | None = None) -> str | None:
    """Why a place of this kind takes no data sets with its configuration for artifacts of a format, or None."""
    kind = connector_class(id, enabled)
    return kind.why_no_batch(config) or kind.why_not_format(format)


def connector(
    id: str,
    config: Mapping[str, Any],
    secrets: Mapping[str, str],
    store: ArtifactStore,
    *,
    enabled: Collection[str] | None = None,
    allowed_hosts: Collection[str] | None = None,
    folders: Collection[str] | None = None,
) -> Connector:
    """A connector ready to use.

    `secrets` maps names of secrets to their values; the configuration holds names only.
    `allowed_hosts` restricts the hosts of every address in the configuration, `folders` the places
    on this machine that it may write to.
    """
    found = connector_class(id, enabled)
    check_config(found, config, allowed_hosts=allowed_hosts, folders=folders)
    named = {field: _secret(field, config, secrets) for field in found.secret_fields if field in config}
    return cast(Connector, found(config, named, store))


def check_config(
    found: type[BaseConnector],
    config: Mapping[str, Any],
    *,
    allowed_hosts: Collection[str] | None = None,
    folders: Collection[str] | None = None,
) -> None:
    """Raise Invalid, naming the field, when the configuration does not fit the schema or the operator's limits."""
    schema = found.config_schema
    error = best_match(Draft202012Validator(schema).iter_errors(dict(config)))
    if error is not None:
        raise Invalid(_sentence(error), field=_field(error)) from None
    for field, rule in schema.get("properties", {}).items():
        if rule.get("format") == "uri" and field in config:
            try:
                require_url(config[field], allowed_hosts=allowed_hosts)
            except Invalid as refused:
                raise Invalid(f"{field}: {refused.message}", field=field) from None
        if rule.get("format") == "folder" and field in config:
            _require_folder(field, config[field], folders)
    for field in found.secret_fields:
        if field in config and not _SECRET_NAME.fullmatch(config[field]):
            said = "The name of a secret has letters, digits, '-' and '_' only, 63 at most."
            raise Invalid(f"{field}: {said}", field=field)


def _require_folder(field: str, folder: str, folders: Collection[str] | None) -> None:
    """Whoever writes a configuration must not choose where on this machine we write."""
    if folders is None:
        return
    place = Path(folder).resolve()
    if not any(place.is_relative_to(Path(allowed).resolve()) for allowed in folders):
        shared = ", ".join(sorted(folders)) or "none"
        said = f"The folder {folder} is not among those shared with serving places ({shared})."
        raise Invalid(f"{field}: {said}", field=field)


def described(id: str, enabled: Collection[str] | None = None) -> dict[str, Any]:
    """What an audit record or a settings page shows about a connector."""
    offer = available(enabled).get(id)
    if offer is None:
        raise Invalid(f"The connector {id!r} is not installed or not enabled.")
    found = offer.load()
    return {
        "id": id,
        "distribution": offer.distribution,
        "version": offer.version,
        "api_version": found.api_version,
        "caps": sorted(str(cap.name) for cap in Cap if cap in found.caps),
        "python": platform.python_version(),
    }


def _sentence(error: ValidationError) -> str:
    field = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"The field {missing[0]} is required."
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        return f"The field {next(name for name in error.instance if name not in known)} is not known."
    if error.validator == "dependentRequired":
        return f"The configuration is incomplete: {error.message}."
    # the value itself is not repeated: it may be a secret pasted into the wrong field
    if error.validator == "pattern" and (like := error.schema.get("examples")):
        return f"The field {field} does not have the form of {like[0]}."
    rule = f"{error.validator} {error.validator_value}"
    return f"The field {field or 'configuration'} does not fit its rule ({rule})."


def _field(error: ValidationError) -> str:
    """The field of the configuration that is meant, or that is missing; empty where it is none of the schema's."""
    if error.validator == "required":
        return next((str(name) for name in error.validator_value if name not in error.instance), "")
    if error.validator == "dependentRequired":
        wanted = (need for name, needs in error.validator_value.items() if name in error.instance for need in needs)
        return next((str(need) for need in wanted if need not in error.instance), "")
    return str(error.absolute_path[0]) if error.absolute_path else ""


def _secret(field: str, config: Mapping[str, Any], secrets: Mapping[str, str]) -> str:
    try:
        return secrets[config[field]]
    except KeyError:
        raise Invalid(f"The secret named in {field} is not stored.") from None


def _offer(point: EntryPoint) -> Offered:
    shipped = point.dist
    return Offered(
        point.name,
        point.value,
        shipped.name if shipped else "unknown",
        shipped.version if shipped else "unknown",
    )


@cache
def _own_version() -> str:
    try:
        return version(OWN)
    except PackageNotFoundError:
        return "unpackaged"
