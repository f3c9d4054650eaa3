"""A model that answers elsewhere, asked in batches over the Open Inference Protocol V2, columns as inputs."""

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from .address import require_url
from .errors import ConnectorError, Invalid, NotFound, RateLimited, Transient
from .http import Backend, BearerAuth

MOST_ROWS = 5_000
ATTEMPTS = 4
SECONDS = 30.0
LONGEST_WAIT = 30.0
NAME = "The scoring endpoint"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_TEXT, _NUMBERS, _TRUTH = "BYTES", "FP64", "BOOL"
Pause = Callable[[float], None]


@dataclass(frozen=True)
class Place:
    """Where a model answers: base address, the model's name there, and how much is asked at once.

    `output` names the tensor that holds the scores where there are several; `secret` is the name of the bearer
    token, never the token; `rows` is the largest number of rows in one request.
    """

    address: str
    model: str
    version: str = ""
    output: str = ""
    secret: str = ""
    rows: int = 1_000

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def require_place(place: Place, allowed_hosts: Collection[str]) -> Place:
    """The place with a tidy address. Raises Invalid with the reason; resolves no name and calls nobody."""
    if not allowed_hosts:
        raise Invalid("No host is open for remote scoring here; an administrator names them in MRM_SCORING_HOSTS.")
    address = require_url(place.address, allowed_hosts=allowed_hosts)
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise Invalid("The address of a scoring endpoint starts with https://, since rows of the data travel there.")
    if not place.model.strip() or "/" in place.model:
        raise Invalid("Give the name that the model has at the endpoint, without a slash.")
    if not 1 <= place.rows <= MOST_ROWS:
        raise Invalid(f"One request carries 1 to {MOST_ROWS:,} rows; a usual choice is 1,000.")
    return Place(address, place.model.strip(), place.version.strip(), place.output.strip(), place.secret, place.rows)


@dataclass
class RemoteModel:
    """The model at a place; `requests` counts what was sent, retries included, and `served` the version it names."""

    place: Place
    features: tuple[str, ...]
    token: str = ""
    pause: Pause = time.sleep
    requests: int = 0
    served: str | None = None
    _inputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        auth = BearerAuth(self.token) if self.token else None
        self._backend = Backend(NAME, self.place.address, auth=auth, read_seconds=SECONDS, special=_redirected)
        one = f"/versions/{quote(self.place.version, safe='')}" if self.place.version else ""
        self._path = f"/v2/models/{quote(self.place.model, safe='')}{one}"

    def describe(self) -> dict[str, str]:
        """Ask what the model takes, so that each column is sent as the type it expects; {} where it does not say."""
        try:
            said = self._asked("GET", self._path, None)
        except NotFound:
            return {}
        inputs = said.get("inputs")
        named = [each for each in inputs if isinstance(each, dict)] if isinstance(inputs, list) else []
        self._inputs = {str(each.get("name")): each for each in named}
        return {name: str(said[name])[:200] for name in ("name", "versions", "platform") if name in said}

    def score(
        self, columns: Mapping[str, Sequence[Any]], first: int, limits: tuple[float, float] | None
    ) -> list[float]:
        """One finite score for each row, in order; `first` is the number of the first row, for what is said of it.

        Raises ConnectorError with one sentence on anything else, also on scores outside `limits`.
        """
        count = len(next(iter(columns.values())))
        body: dict[str, Any] = {"inputs": [self._tensor(name, columns[name], first) for name in self.features]}
        if self.place.output:
            body["outputs"] = [{"name": self.place.output}]
        answer = self._asked("POST", f"{self._path}/infer", body)
        self._same_version(answer)
        return _scores(answer, self.place.output, count, first, limits)

    def _asked(self, method: str, path: str, body: Any) -> dict[str, Any]:
        """One exchange, tried again where that can help: too many requests, a server in trouble, no answer."""
        for attempt in range(1, ATTEMPTS + 1):
            self.requests += 1
            try:
                return self._backend.json(method, path, body=body, reads=True)
            except Transient as trouble:
                if attempt == ATTEMPTS:
                    raise Transient(f"{trouble.message.rstrip('.')}. It was asked {ATTEMPTS} times.") from trouble
                wait = trouble.retry_after if isinstance(trouble, RateLimited) else 2.0 ** (attempt - 1)
                self.pause(min(wait, LONGEST_WAIT))
        raise AssertionError("the loop returns or raises")

    def _tensor(self, name: str, values: Sequence[Any], first: int) -> dict[str, Any]:
        expected = self._inputs.get(name, {})
        datatype, data = _typed(name, values, first)
        if datatype == _NUMBERS and str(expected.get("datatype", "")).startswith(("FP", "INT", "UINT")):
            datatype = str(expected["datatype"])
            if not datatype.startswith("FP"):
                data = _whole(name, data, first)
        flat = isinstance(expected.get("shape"), list) and len(expected["shape"]) == 1
        return {"name": name, "datatype": datatype, "shape": [len(data)] if flat else [len(data), 1], "data": data}

    def _same_version(self, answer: Mapping[str, Any]) -> None:
        named = str(answer.get("model_version") or "")
        if self.served is None:
            self.served = named
        elif named != self.served:
            raise Invalid(
                f"{NAME} changed from version {self.served or 'unnamed'} to {named or 'unnamed'} while the rows were"
                " scored; start again once it stands still."
            )


def _redirected(status: int, body: Mapping[str, Any]) -> ConnectorError | None:
    if 300 <= status < 400:
        return Invalid(f"{NAME} answered with a redirect ({status}); none is followed. Give the address it leads to.")
    return None


def _typed(name: str, values: Sequence[Any], first: int) -> tuple[str, list[Any]]:
    """Datatype and JSON values of a column; what is missing is null."""
    present = [each for each in values if each is not None]
    if present and all(isinstance(each, bool) for each in present):
        return _TRUTH, list(values)
    if all(isinstance(each, int | float) for each in present):
        numbers = [None if each is None or math.isnan(each) else float(each) for each in values]
        place = next((place for place, each in enumerate(numbers) if each is not None and math.isinf(each)), None)
        if place is not None:
            raise Invalid(
                f"Column {name}, row {first + place + 1:,} is infinite, which cannot be sent; correct the data."
            )
        return _NUMBERS, list(numbers)
    if all(isinstance(each, str) for each in present):
        return _TEXT, list(values)
    odd = next(type(each).__name__ for each in present if not isinstance(each, str | int | float))
    raise Invalid(f"Column {name} holds {odd}; a scoring endpoint is sent numbers, text and truth values only.")


def _whole(name: str, values: Iterable[float | None], first: int) -> list[int]:
    out = []
    for place, each in enumerate(values):
        if each is None or not each.is_integer():
            held = "is missing" if each is None else f"is {each:g}"
            raise Invalid(
                f"{NAME} takes whole numbers in {name}, and row {first + place + 1:,} {held}; correct the data."
            )
        out.append(int(each))
    return out


def _scores(
    answer: Mapping[str, Any], wanted: str, count: int, first: int, limits: tuple[float, float] | None
) -> list[float]:
    data = _output(answer, wanted)
    if not data or len(data) % count:
        raise Invalid(f"{NAME} answered {len(data):,} scores for {count:,} rows; it must give one for each.")
    width = len(data) // count
    # of the probabilities of several classes the last is the score, as for models that are run here
    scores = data[width - 1 :: width]
    for place, each in enumerate(scores):
        usable = isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each)
        if not usable:
            raise Invalid(f"{NAME} answered {each!r} for row {first + place + 1:,}; a score is a finite number.")
        if limits is not None and not limits[0] <= each <= limits[1]:
            raise Invalid(
                f"{NAME} answered {each:g} for row {first + place + 1:,}; scores lie between {limits[0]:g} and {limits[1]:g}."
            )
    return [float(each) for each in scores]


def _output(answer: Mapping[str, Any], wanted: str) -> list[Any]:
    """The flat data of the tensor that holds the scores."""
    found = answer.get("outputs")
    outputs = (
        {str(each.get("name")): each for each in found if isinstance(each, dict)} if isinstance(found, list) else {}
    )
    if wanted:
        chosen = outputs.get(wanted)
    else:
        scores = [each for each in outputs.values() if str(each.get("datatype", "")).startswith("FP")]
        chosen = scores[0] if len(scores) == 1 else None
    if chosen is None:
        named = ", ".join(outputs) or "none"
        asked = f"no output {wanted}" if wanted else "not exactly one output of numbers"
        raise Invalid(f"{NAME} gave {asked}; its outputs are {named}. Name the one that holds the scores.")
    data = chosen.get("data")
    if not isinstance(data, list):
        raise Invalid(f"{NAME} gave no list of scores in the output {chosen.get('name')}.")
    return _flat(data)


def _flat(data: Sequence[Any]) -> list[Any]:
    out: list[Any] = []
    for each in data:
        out.extend(each if isinstance(each, list) else [each])
    return out
