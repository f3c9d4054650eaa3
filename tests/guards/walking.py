"""How somebody walks the house: every address and method, at the record it is for and at others."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from django.apps import apps
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from mrm.access.models import Account
from mrm.validation.api import MOVES
from tests.factories.access import fresh

OPEN = {
    "sign-in/",
    "sign-in/second/",
    "sign-in/sso/",
    "sign-in/sso/callback/",
    "sign-out/",
    "sign-up/",
    "healthz",
    "readyz",
    "metrics",
    "gallery/",
    "records/logout/",
}
# what anybody signed in may change: his own things
OWN = ("people/account/", "api/v1/tokens/", "api/v1/me/")
METHODS = ("get", "post", "put", "patch", "delete")
# of every route the kind of record it is for, None if it is for none of ours; found once in a process, so one process
# does all the walks
FITS: dict[str, str | None] = {}
# routes and methods that they do not have, whoever asks
ABSENT: set[tuple[str, str]] = set()


def routes(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        else:
            yield route, entry


ROUTES = sorted({route for route, _ in routes(get_resolver())} - OPEN)
WALKED = [route for route in ROUTES if not route.startswith(OWN)]


@dataclass(frozen=True)
class Records:
    """A model with everything that hangs on it: every key there is with the kind of record it leads to, and words
    that only its readers may see."""

    kinds: dict[str, str]
    secrets: list[bytes]

    @property
    def keys(self) -> list[str]:
        return sorted(self.kinds)


def addresses(route: str, keys: Iterable[str]) -> Iterator[str]:
    """The route with every key put in that may stand there; other parts get a word."""
    filled = route.replace("^", "").replace("$", "").replace("(?P<url>.*)", "nowhere/")
    filled = re.sub(r"\(\?P<app_label>(\w+)[^)]*\)", r"\1", filled).replace("\\", "")
    if found := re.match(r"records/(\w+)/(\w+)/<path:object_id>/", filled):
        keys = [str(key) for key in apps.get_model(*found.groups())._base_manager.values_list("pk", flat=True)[:1]]
        yield from ("/" + filled.replace("<path:object_id>", key) for key in keys)
        return
    filled = filled.replace("<slug:move>", min(MOVES))
    filled = re.sub(r"<(?:slug|str|path):(?!pk)[a-z_]+>", "word", filled)
    if "<uuid:pk>" in filled:
        yield from ("/" + filled.replace("<uuid:pk>", key) for key in keys if len(key) == 36)
    elif "<int:pk>" in filled:
        yield from ("/" + filled.replace("<int:pk>", key) for key in keys if key.isdigit())
    else:
        assert "<" not in filled, route
        yield "/" + filled


class Bodies:
    """For each address of the API a body with what the description asks for, so that the rules behind it are met."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.key = next(key for key in keys if len(key) == 36)
        self.description = yaml.safe_load((Path(__file__).parent / "openapi.yaml").read_text())

    def of(self, route: str, method: str) -> dict[str, Any]:
        path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)
        operation = self.description["paths"].get(re.sub(r"\{pk\}", "{id}", path)) or self.description["paths"].get(
            path, {}
        )
        content = operation.get(method, {}).get("requestBody", {}).get("content", {})
        shape = content.get("application/json", {}).get("schema")
        return self._filled(shape) if shape else {}

    def _filled(self, shape: dict[str, Any]) -> Any:
        if "$ref" in shape:
            return self._filled(self.description["components"]["schemas"][shape["$ref"].rsplit("/", 1)[1]])
        for words in ("allOf", "oneOf", "anyOf"):
            if words in shape:
                return self._filled(shape[words][0])
        if "enum" in shape:
            return shape["enum"][0]
        if shape.get("type") == "object":
            wanted = shape.get("required", []) or list(shape.get("properties", {}))[:2]
            return {name: self._filled(shape["properties"][name]) for name in wanted if name in shape["properties"]}
        plain = {"integer": 1, "number": 1, "boolean": True, "array": []}
        return plain.get(shape.get("type", ""), self.key if shape.get("format") == "uuid" else "word")


def walk(
    account: Account, records: Records, found: Mapping[str, str], within: str = ""
) -> Iterator[tuple[str, str, str, HttpResponse]]:
    """Every address and method as this account: at the record it is for, `found`, and at one that it is not for.

    Where nobody found a record every key is tried, and one that is no such record by two methods only.
    """
    bodies, browser, api = Bodies(records.keys), Client(raise_request_exception=True), APIClient()
    browser.force_login(account, backend="mrm.project.signin.AccountBackend")
    api.force_authenticate(fresh(account))
    for route in (route for route in WALKED if route.startswith(within)):
        json = route.startswith("api/")
        everywhere = list(addresses(route, records.keys))
        others = [address for address in everywhere if address != found.get(route)]
        tried = [found[route], *others[:1]] if route in found else everywhere
        for place, address in enumerate(tried):
            known = place == 0
            for method in METHODS:
                if (route, method) in ABSENT or (method in {"put", "patch", "delete"} and not known):
                    continue
                client: Any = api if json else browser
                body = bodies.of(route, method) if json else {"reason": "word", "text": "word"}
                given = (body,) if method != "get" and (json or method == "post") else ()
                answer = getattr(client, method)(address, *given)
                known = known or answer.status_code not in {404, 405}
                if answer.status_code == 405:
                    ABSENT.add((route, method))
                yield route, method, address, answer


def nearest(route: str, records: Records) -> list[str]:
    """The keys, those first that the route is likely to be for: what it fitted, what it names, what its neighbours fit."""
    words, area = re.findall(r"[a-z]+", route), area_of(route)
    near = {kind for each, kind in FITS.items() if area_of(each) == area}

    def far(key: str) -> tuple[bool, bool, bool, str]:
        kind = records.kinds[key]
        name = kind.rsplit(".", 1)[-1].lower()
        named = any(word.startswith(name) or (len(word) > 3 and name.startswith(word)) for word in words)
        return kind != FITS.get(route), not named, kind not in near, key

    return sorted(records.keys, key=far)


def area_of(route: str) -> str:
    return route.removeprefix("api/v1/").split("/")[0]


def met(account: Account, records: Records) -> dict[str, str]:
    """Of every route an address that leads to a record, as somebody finds it who sees all."""
    browser, api, found = Client(), APIClient(), {}
    browser.force_login(account, backend="mrm.project.signin.AccountBackend")
    api.force_authenticate(fresh(account))
    for route in WALKED:
        if route in FITS and FITS[route] is None:
            continue
        keys = nearest(route, records)
        client: Any = api if route.startswith("api/") else browser
        FITS[route] = None
        for address in addresses(route, keys):
            status = client.get(address).status_code
            if status == 405:  # there is no such page, and a form all the same
                status = client.post(address).status_code
            if status not in {404, 405}:
                kind = next((records.kinds[key] for key in keys if f"/{key}/" in address), "")
                found[route] = address
                FITS[route] = kind
                break
    return found
