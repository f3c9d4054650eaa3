"""`make bench [ARGS=name]`: run the benchmarks whose name holds the words given."""

import sys
from pathlib import Path

from tests.bench.ground import ground
from tests.bench.table import show

ROOT = Path(__file__).resolve().parent.parent.parent


def main(wanted: list[str]) -> int:
    with ground() as server:
        from tests.bench import going_live, measures

        rows = measures.run(server, wanted)
    rows += measures.second_start(wanted)
    rows += going_live.run(wanted)
    show(rows, ROOT / "build" / "bench.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
