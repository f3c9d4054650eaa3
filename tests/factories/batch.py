"""Data sets of several row groups, and runs that score them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mrm.deployment.models import Environment
from mrm.inventory import services as inventory
from mrm.inventory.models import Dataset, Version
from mrm.measures.frames import to_parquet
from mrm.measures.scoring import file_digest
from mrm.prediction import services
from mrm.prediction.models import BatchRun
from tests.factories.access import Cast, fresh

USE = "Retail credit"
GROUPS = (40, 20)


def applicants(cast: Cast, folder: Path, *, columns: tuple[str, ...] = ("income", "debt")) -> Dataset:
    """Sixty applicants in two row groups, known by a text."""
    draw, rows = np.random.default_rng(7), sum(GROUPS)
    frame = pd.DataFrame(
        {"row_id": [f"A{row:03d}" for row in range(rows)], **{name: draw.normal(size=rows) for name in columns}}
    )
    source, target = folder / "applicants.csv", folder / "applicants.parquet"
    frame.to_csv(source, index=False)
    manifest = to_parquet(source, target).as_dict()
    table = pq.read_table(target)
    with pq.ParquetWriter(target, table.schema) as writer:
        for place, size in enumerate(GROUPS):
            writer.write_table(table.slice(sum(GROUPS[:place]), size))
    manifest |= {"sha256": file_digest(target), "bytes": target.stat().st_size}
    return inventory.register_dataset(
        name="Applicants of " + " and ".join(columns), source="Made for a test", unit=cast.retail, parquet=target,
        manifest=manifest, holds_protected=False, actor=cast.developer,
    )  # fmt: skip


def asked(cast: Cast, version: Version, data: Dataset) -> BatchRun:
    """A run that waits for a worker."""
    production = Environment.objects.get(key="production")
    return services.start_batch(version, dataset=data, environment=production, use=USE, actor=fresh(cast.deployer))


def table_of(content: bytes) -> pa.Table:
    return pq.read_table(pa.BufferReader(content))
