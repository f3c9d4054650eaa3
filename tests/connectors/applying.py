"""One apply in a process of its own, which a test may kill: the request comes pickled on stdin."""

import pickle
import sys
from dataclasses import dataclass, field
from typing import Any

from mrm.connectors.protocol import Desired, Op
from mrm.connectors.registry import connector
from tests.connectors.bench import applied
from tests.connectors.store import MemoryStore


@dataclass
class Work:
    """All that a process needs to apply a plan."""

    id: str
    config: dict[str, Any]
    secrets: dict[str, str]
    plan: Desired
    op: Op
    contents: dict[str, bytes] = field(default_factory=dict)

    def run(self) -> None:
        store = MemoryStore()
        store.contents = self.contents
        applied(connector(self.id, self.config, self.secrets, store), self.plan, self.op)


if __name__ == "__main__":
    pickle.loads(sys.stdin.buffer.read()).run()
