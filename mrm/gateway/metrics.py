"""Counters in the text format of Prometheus."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Lock

from .serving import Serving
from .shadow import Shadows
from .spool import Spool

Labels = tuple[str, ...]  # endpoint, version, role, status
_REQUEST = ("endpoint", "version", "role", "status")
_SEGMENT = ("endpoint", "rule", "action")


@dataclass(slots=True)
class Tally:
    """Of requests that came to the same end."""

    requests: int = 0
    seconds: float = 0.0


class Metrics:
    """What was asked and answered, and how the parts that work beside the answers are doing."""

    def __init__(self, serving: Serving, shadows: Shadows, spool: Spool) -> None:
        self._serving, self._shadows, self._spool = serving, shadows, spool
        self._tallies: defaultdict[Labels, Tally] = defaultdict(Tally)
        self._outside: Counter[Labels] = Counter()
        self.failovers = 0
        self._counting = Lock()  # shadows count in a thread of their own

    def record(self, labels: Labels, seconds: float) -> None:
        with self._counting:
            tally = self._tallies[labels]
            tally.requests += 1
            tally.seconds += seconds

    def outside(self, endpoint: str, rule: str, action: str, rows: int) -> None:
        self._outside[endpoint, rule, action] += rows

    def text(self) -> str:
        with self._counting:
            requests = {labels: tally.requests for labels, tally in self._tallies.items()}
            seconds = {labels: tally.seconds for labels, tally in self._tallies.items()}
        endpoints = self._serving.endpoints.items()
        ready: dict[Labels, float] = {(name,): int(endpoint.ready) for name, endpoint in endpoints}
        lines = [
            *_family("requests_total", "counter", _REQUEST, requests),
            *_family("request_seconds_total", "counter", _REQUEST, seconds),
            *_family("outside_segment_rows_total", "counter", _SEGMENT, dict(self._outside)),
            *_family("endpoint_ready", "gauge", ("endpoint",), ready),
            *_family("failed_over", "gauge", ("endpoint", "version"), self._serving.breakers.all_open()),
            *_single("failovers_total", "counter", self.failovers),
            *_single("shadow_requests_total", "counter", self._shadows.done),
            *_single("shadow_dropped_total", "counter", self._shadows.dropped),
            *_single("shadow_waiting", "gauge", self._shadows.waiting),
            *_single("log_written_total", "counter", self._spool.written),
            *_single("log_dropped_total", "counter", self._spool.dropped),
            *_single("log_torn_lines_total", "counter", self._spool.torn),
            *_single("log_waiting", "gauge", self._spool.waiting),
        ]
        return "\n".join(lines) + "\n"


def _family(name: str, kind: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]) -> Iterator[str]:
    yield f"# TYPE mrm_gateway_{name} {kind}"
    for key, value in sorted(values.items()):
        pairs = ",".join(f'{label}="{_escaped(each)}"' for label, each in zip(labels, key, strict=True))
        yield f"mrm_gateway_{name}{{{pairs}}} {value if isinstance(value, int) else f'{value:.6f}'}"


def _single(name: str, kind: str, value: int) -> Iterator[str]:
    yield f"# TYPE mrm_gateway_{name} {kind}"
    yield f"mrm_gateway_{name} {value}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
