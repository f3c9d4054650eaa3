"""The calls to an MLflow tracking server that the connector needs, one method each."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import quote

from ..errors import AuthFailed, Conflict, ConnectorError, Invalid, NotFound, Transient
from ..http import Backend
from ..values import Op

_API = "/api/2.0/mlflow"
_FILES = "/api/2.0/mlflow-artifacts/artifacts"
_PROXIED = "mlflow-artifacts:/"
_MAX_FILES = 200

Tags = Mapping[str, str]


@dataclass(frozen=True)
class Run:
    """The run that owns a version's files; newer servers accept no other place for them."""

    id: str
    folder: str


class Tracking:
    """A thin, typed face on the REST interface."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def version(self) -> str:
        with self._backend.send("GET", "/version") as answer:
            return answer.read(1 << 10).decode(errors="replace").strip()

    def models(self, cursor: str | None, size: int) -> tuple[list[dict[str, Any]], str | None]:
        params = {"max_results": str(size)} | ({"page_token": cursor} if cursor else {})
        found = self._get("registered-models/search", params)
        return _objects(found, "registered_models"), found.get("next_page_token") or None

    def model(self, name: str) -> dict[str, Any]:
        return _object(self._get("registered-models/get", {"name": name}), "registered_model")

    def create_model(self, name: str, tags: Tags, op: Op) -> None:
        self._post("registered-models/create", {"name": name, "tags": _pairs(tags)}, op)

    def tag_model(self, name: str, tags: Tags, op: Op) -> None:
        for key, value in tags.items():
            self._post("registered-models/set-tag", {"name": name, "key": key, "value": value}, op)

    def untag_model(self, name: str, key: str, op: Op) -> None:
        self._delete("registered-models/delete-tag", {"name": name, "key": key}, op)

    def delete_model(self, name: str, op: Op) -> None:
        self._delete("registered-models/delete", {"name": name}, op)

    def model_version(self, name: str, version: str) -> dict[str, Any]:
        params = {"name": name, "version": version}
        return _object(self._get("model-versions/get", params), "model_version")

    def versions(self, condition: str) -> Iterator[dict[str, Any]]:
        """Versions that fit a search filter. They come without their aliases."""
        cursor: str | None = None
        while True:
            params = {"filter": condition, "max_results": "200"}
            found = self._get("model-versions/search", params | ({"page_token": cursor} if cursor else {}))
            yield from _objects(found, "model_versions")
            cursor = found.get("next_page_token")
            if not cursor:
                return

    def create_version(self, name: str, source: str, run: Run, tags: Tags, op: Op) -> dict[str, Any]:
        body = {"name": name, "source": source, "run_id": run.id, "tags": _pairs(tags)}
        return _object(self._post("model-versions/create", body, op), "model_version")

    def tag_version(self, name: str, version: str, tags: Tags, op: Op) -> None:
        for key, value in tags.items():
            body = {"name": name, "version": version, "key": key, "value": value}
            self._post("model-versions/set-tag", body, op)

    def delete_version(self, name: str, version: str, op: Op) -> None:
        self._delete("model-versions/delete", {"name": name, "version": version}, op)

    def set_alias(self, name: str, alias: str, version: str, op: Op) -> None:
        self._post("registered-models/alias", {"name": name, "alias": alias, "version": version}, op)

    def delete_alias(self, name: str, alias: str, op: Op) -> None:
        self._delete("registered-models/alias", {"name": name, "alias": alias}, op)

    def run(self, experiment: str, tag: tuple[str, str], op: Op) -> Run:
        """The run with this tag, made when it is missing."""
        where = self._experiment(experiment, op)
        body = {"experiment_ids": [where], "filter": f"tags.`{tag[0]}` = '{tag[1]}'", "max_results": 1}
        found = _objects(self._post("runs/search", body, op, reads=True), "runs")
        if not found:
            name = f"mrm-{tag[1][:12]}"
            fresh = {"experiment_id": where, "run_name": name, "tags": _pairs(dict([tag]))}
            found = [_object(self._post("runs/create", fresh, op), "run")]
            self._post("runs/update", {"run_id": _run(found[0]).id, "status": "FINISHED"}, op)
        return _run(found[0])

    def delete_run(self, id: str, op: Op) -> None:
        self._post("runs/delete", {"run_id": id}, op)

    def files(self, folder: str, inside: str = "") -> Iterator[str]:
        """Names of all files below a folder, relative to it; empty when there is none."""
        for count, name in enumerate(self._walk(folder, inside)):
            if count == _MAX_FILES:
                raise Invalid(f"The MLflow version has more than {_MAX_FILES} files.")
            yield name

    def put_file(self, path: str, content: bytes | IO[bytes], op: Op) -> None:
        with self._backend.send("PUT", _file(path), content=content, op=op, reads=True) as answer:
            answer.read()

    def file_digest(self, path: str, op: Op | None = None) -> str:
        """SHA-256 of the bytes as the server gives them out now."""
        digest = hashlib.sha256()
        with self._backend.send("GET", _file(path), op=op) as answer:
            for chunk in answer.chunks(timed=op is not None):
                digest.update(chunk)
        return digest.hexdigest()

    def delete_files(self, folder: str, op: Op) -> None:
        self._backend.json("DELETE", _file(folder), op=op)

    def _walk(self, folder: str, inside: str) -> Iterator[str]:
        path = f"{folder}/{inside}".rstrip("/")
        for item in _objects(self._backend.json("GET", _FILES, params={"path": path}), "files"):
            name = f"{inside}/{item['path']}".lstrip("/")
            if item.get("is_dir"):
                yield from self._walk(folder, name)
            else:
                yield name

    def _experiment(self, name: str, op: Op) -> str:
        try:
            found = self._get("experiments/get-by-name", {"experiment_name": name})
            return str(_object(found, "experiment")["experiment_id"])
        except NotFound:
            return str(self._post("experiments/create", {"name": name}, op)["experiment_id"])

    def _get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        return self._backend.json("GET", f"{_API}/{path}", params=params)

    def _post(self, path: str, body: Mapping[str, Any], op: Op, reads: bool | None = None) -> dict[str, Any]:
        return self._backend.json("POST", f"{_API}/{path}", body=dict(body), op=op, reads=reads)

    def _delete(self, path: str, body: Mapping[str, Any], op: Op) -> None:
        self._backend.json("DELETE", f"{_API}/{path}", body=dict(body), op=op)


def special(status: int, body: Mapping[str, Any]) -> ConnectorError | None:
    """MLflow says what is wrong by an error code; its status is often a plain 400."""
    said = f"MLflow answered: {str(body.get('message')).splitlines()[0][:300]}" if body.get("message") else ""
    kind: type[ConnectorError] | None = {
        "RESOURCE_ALREADY_EXISTS": Conflict,
        "RESOURCE_DOES_NOT_EXIST": NotFound,
        "RESOURCE_CONFLICT": Conflict,
        "INVALID_STATE": Conflict,
        "INVALID_PARAMETER_VALUE": Invalid,
        "PERMISSION_DENIED": AuthFailed,
        "UNAUTHENTICATED": AuthFailed,
        "TEMPORARILY_UNAVAILABLE": Transient,
    }.get(str(body.get("error_code")))
    return kind(said) if kind and said else None


def proxied_folder(source: str) -> str | None:
    """The folder of a source that the tracking server itself stores; None for other places."""
    if not source.startswith(_PROXIED) or ".." in source.split("/"):
        return None
    return source[len(_PROXIED) :].lstrip("/")


def proxied_source(folder: str) -> str:
    return _PROXIED + folder


def tags_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Tags come as a list of pairs, and not at all when there are none."""
    return {str(tag["key"]): str(tag.get("value", "")) for tag in _objects(item, "tags")}


def aliases_of(model: Mapping[str, Any]) -> dict[str, str]:
    """Version by alias, as the registered model lists them."""
    return {str(item["alias"]): str(item["version"]) for item in _objects(model, "aliases")}


def _run(item: Mapping[str, Any]) -> Run:
    info = _object(item, "info")
    folder = proxied_folder(str(info["artifact_uri"]))
    if folder is None:
        raise Invalid("This MLflow server does not store artifacts itself; start it with --artifacts-destination.")
    return Run(str(info["run_id"]), folder)


def _pairs(tags: Tags) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _file(path: str) -> str:
    return f"{_FILES}/{quote(path)}"


def _object(found: Mapping[str, Any], field: str) -> dict[str, Any]:
    value = found.get(field)
    if not isinstance(value, dict):
        raise Invalid(f"MLflow's answer has no {field}: {json.dumps(found)[:200]}")
    return value


def _objects(found: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    value = found.get(field, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Invalid(f"MLflow's answer has no list of {field}.")
    return value
