"""Pickles, for the confined process only: every name in the file is looked at before anything of that name is made.

A pickle is a program. Only classes of estimators, and the few functions that put arrays together,
may be named in it; the first other name ends the reading. That holds for the scan that an
institution permits the artifact by, and again each time it is run.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import joblib
from joblib import numpy_pickle

from mrm.measures.artifacts import Refusal, Scorer, predicting

# classes of these packages are data with methods; functions of theirs are not taken, except those below
_CLASSES = re.compile(r"(sklearn|scipy\.(sparse|interpolate)|xgboost|lightgbm)(\.|$)")
# reads files or fetches from elsewhere
_NEVER = re.compile(r"sklearn\.(datasets|externals|tests|utils\._testing)(\.|$)")
_NAMED = frozenset({
    *(("builtins", name) for name in ("dict", "list", "set", "frozenset", "tuple", "slice", "range", "complex",
                                      "bytearray", "object", "int", "float", "str", "bool")),
    ("collections", "OrderedDict"), ("collections", "defaultdict"), ("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor"),
    ("numpy", "ndarray"), ("numpy", "dtype"), ("numpy", "float64"), ("numpy", "float32"), ("numpy", "int64"),
    ("numpy", "int32"), ("numpy", "bool_"), ("numpy", "str_"),
    *((module, name) for module in ("numpy.core.multiarray", "numpy._core.multiarray") for name in ("_reconstruct", "scalar")),
    *((module, "_frombuffer") for module in ("numpy.core.numeric", "numpy._core.numeric")),
    *(("numpy.random._pickle", name) for name in ("__randomstate_ctor", "__generator_ctor", "__bit_generator_ctor")),
    ("numpy.random.bit_generator", "SeedSequence"), ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
    ("numpy.random._mt19937", "MT19937"), ("numpy.random._pcg64", "PCG64"),
    ("joblib.numpy_pickle", "NumpyArrayWrapper"),
    ("_codecs", "encode"),
})  # fmt: skip


class Untold(Refusal):
    """The file cannot be read, so that nobody can say what it holds."""


def scan(content: bytes) -> list[str]:
    """The names that a pickle or joblib file holds, sorted. Raises `Refusal` on the first that may not be in it.

    Raises `Untold`, which is one, on what cannot be read here as a pickle.
    """
    return _read(content)[1]


def open_pickle(content: bytes, features: Sequence[str]) -> tuple[Scorer, Any]:
    """A scoring function and the estimator of a pickle or joblib file.

    Raises `Refusal` as `scan`, if the object gives no predictions, or if it was fitted on other columns.
    """
    return predicting(_read(content)[0], features)


def _read(content: bytes) -> tuple[Any, list[str]]:
    found: set[str] = set()

    class Checked(numpy_pickle.NumpyUnpickler):  # type: ignore[misc]  # the library has no types
        def find_class(self, module: str, name: str) -> Any:
            found.add(f"{module}.{name}")
            if not known(module, name):
                raise Refusal(f"The file names {module}.{name}, which no estimator needs; it is not opened.")
            made = super().find_class(module, name)
            if (module, name) not in _NAMED and not isinstance(made, type) and not name.startswith("__pyx_unpickle_"):
                raise Refusal(f"The file names the function {module}.{name}; only classes of estimators are taken.")
            return made

    # the reader that joblib takes, for a pickle as for its own files; arrays of objects inherit its look at names
    kept = numpy_pickle.NumpyUnpickler
    numpy_pickle.NumpyUnpickler = Checked
    try:
        return joblib.load(io.BytesIO(content)), sorted(found)
    except Refusal:
        raise
    except Exception as error:
        raise Untold(
            f"The file is not a pickle that can be read here: {type(error).__name__}: {error}"[:300]
        ) from error
    finally:
        numpy_pickle.NumpyUnpickler = kept


def known(module: str, name: str) -> bool:
    """Whether an estimator needs what a pickle names."""
    return (module, name) in _NAMED or ("." not in name and bool(_CLASSES.match(module)) and not _NEVER.match(module))
