"""Counters in the text format of Prometheus."""

from collections import Counter

from .serving import Serving

Labels = tuple[str, str, str, str]  # endpoint, version, role, status


class Metrics:
    """Requests and seconds per endpoint, version, role and status."""

    def __init__(self) -> None:
        self._requests: Counter[Labels] = Counter()
        self._seconds: Counter[Labels] = Counter()

    def record(self, labels: Labels, seconds: float) -> None:
        self._requests[labels] += 1
        self._seconds[labels] += seconds  # type: ignore[assignment]

    def text(self, serving: Serving) -> str:
        lines = ["# TYPE mrm_gateway_requests_total counter"]
        lines += [f"mrm_gateway_requests_total{_labels(k)} {n}" for k, n in sorted(self._requests.items())]
        lines.append("# TYPE mrm_gateway_request_seconds_total counter")
        lines += [f"mrm_gateway_request_seconds_total{_labels(k)} {s:.6f}" for k, s in sorted(self._seconds.items())]
        lines.append("# TYPE mrm_gateway_endpoint_ready gauge")
        lines += [
            f'mrm_gateway_endpoint_ready{{endpoint="{_escaped(name)}"}} {int(endpoint.ready)}'
            for name, endpoint in sorted(serving.endpoints.items())
        ]
        return "\n".join(lines) + "\n"


def _labels(values: Labels) -> str:
    names = ("endpoint", "version", "role", "status")
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
