"""Settings that many kinds of places have alike, as pieces of their JSON schemas."""

from typing import Any

TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
ADDRESS: dict[str, Any] = {"type": "string", "format": "uri"}
# what `Backend.configured` reads
CONNECTION: dict[str, Any] = {
    "ca_file": TEXT | {"title": "Certificate authority file"},
    "read_seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 120, "title": "Time limit"},
}
