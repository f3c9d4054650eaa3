"""In the worker: have a model that answers elsewhere score the pinned rows, and keep what it answered."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.utils import timezone
from numpy.typing import NDArray

from mrm.connectors.errors import ConnectorError, Invalid
from mrm.connectors.remote_scoring import Place, RemoteModel, require_place
from mrm.core.canonical import timestamp
from mrm.core.refusal import Refused
from mrm.core.secrets import secret
from mrm.measures.process import ScoringFailed
from mrm.measures.results import EvaluationFailed
from mrm.measures.robustness.scorer import Scorer
from mrm.measures.scoring import file_digest

STAGE = "scoring through the endpoint"
TICK = 0.5  # so often somebody who waits between two attempts can be told to stop
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Answers:
    """The scores of each file that was sent, what the run's pins say of them, and the model to ask for more."""

    dataset: Path
    reference: Path | None
    said: dict[str, Any]
    ask: Scorer


def answers_of(
    endpoint: dict[str, Any], dataset: Path, reference: Path | None, features: tuple[str, ...],
    limits: tuple[float, float] | None, folder: Path, progress: Progress,
) -> Answers:  # fmt: skip
    """Score both files through the endpoint. Raises Refused with one sentence; nothing is kept before all is answered."""
    started = timezone.now()
    model = _model(endpoint, features, progress)
    try:
        described = model.describe()
        scored = _scored(model, dataset, folder / "answers.parquet", limits, progress)
        other = _scored(model, reference, folder / "reference-answers.parquet", limits, progress) if reference else None
    except ConnectorError as trouble:
        raise Refused(trouble.message) from trouble
    said = {
        **endpoint,
        "scored_at": timestamp(started),
        "scored_rows": pq.read_metadata(scored).num_rows,
        "requests": model.requests,
        "served_version": model.served or "",
        "described": described,
        "answers_sha256": file_digest(scored),
        "reference_answers_sha256": file_digest(other) if other else None,
    }
    return Answers(scored, other, said, _asker(model, limits))


def _model(endpoint: dict[str, Any], features: tuple[str, ...], progress: Progress) -> RemoteModel:
    try:
        place = require_place(Place(**endpoint), settings.SCORING_HOSTS)
    except ConnectorError as trouble:
        raise Refused(trouble.message) from trouble

    def pause(seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            progress(f"{STAGE}, waiting to ask again", 0, 0)
            time.sleep(min(TICK, left))

    return RemoteModel(place, features, secret(place.secret) if place.secret else "", pause)


def _asker(model: RemoteModel, limits: tuple[float, float] | None) -> Scorer:
    """The model as tests ask it that change rows: rows that it refuses are told apart from no answer at all."""

    def ask(frame: pd.DataFrame) -> NDArray[np.float64]:
        scores: list[float] = []
        try:
            for first in range(0, len(frame), model.place.rows):
                part = frame.iloc[first : first + model.place.rows]
                columns = {
                    name: part[name].astype(object).where(part[name].notna(), None).tolist() for name in model.features
                }
                scores += model.score(columns, first, limits)
        except ConnectorError as trouble:
            if isinstance(trouble, Invalid) or _answers_still(model):
                raise EvaluationFailed(trouble.message) from trouble
            raise ScoringFailed(f"Changed rows could not be scored: {trouble.message}") from trouble
        return np.asarray(scores)

    return ask


def _answers_still(model: RemoteModel) -> bool:
    """Whether the place is there: then it was the rows that it could not take, as a model does that knows no gaps."""
    try:
        model.describe()
    except ConnectorError:
        return False
    return True


def _scored(
    model: RemoteModel, source: Path, target: Path, limits: tuple[float, float] | None, progress: Progress
) -> Path:
    file = pq.ParquetFile(source)
    if absent := [name for name in model.features if name not in file.schema_arrow.names]:
        raise Refused(f"The data have no column {', '.join(absent)}, which the model takes.")
    scores: list[float] = []
    progress(STAGE, 0, file.metadata.num_rows)
    for batch in file.iter_batches(model.place.rows, columns=list(model.features)):
        columns = {name: batch[name].to_pylist() for name in model.features}
        scores += model.score(columns, len(scores), limits)
        progress(STAGE, len(scores), file.metadata.num_rows)
    keys = pq.read_table(source, columns=["row_id"])["row_id"] if "row_id" in file.schema_arrow.names else None
    pq.write_table(pa.table({**({} if keys is None else {"row_id": keys}), "score": scores}), target)
    return target
