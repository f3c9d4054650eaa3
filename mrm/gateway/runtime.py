"""An ONNX model in memory: what it may contain, what it takes, and how it is run."""

import asyncio
import hashlib
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Timer

import onnx
import onnxruntime

from .refusal import MANUAL, Refused
from .tensors import Array, TensorSpec, spec

_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
_MAX_NODES = 100_000
_LOOPS = {"Loop", "Scan"}  # how long they take depends on the input
_THREADS = 2  # of one model: a model that hangs holds up no other
_SAMPLE = 32  # one quick run of so many is timed
_FEW, _QUICK = 64, 0.002  # rows and seconds that may pass while other requests wait

_AS_USUAL = onnxruntime.RunOptions()  # to make them anew for each run costs as much as a small model

onnxruntime.set_default_logger_severity(4)


class CannotScore(Refused):
    """The model itself failed at this input."""


class TimedOut(CannotScore):
    """The model took longer than its endpoint allows."""


class Model:
    """A session and the digest of exactly the bytes it was made from."""

    def __init__(self, content: bytes) -> None:
        self.digest = hashlib.sha256(content).hexdigest()
        self._bounded = not _require_harmless(content) & _LOOPS
        self._session = _session(content)
        self.inputs = tuple(_specs(self._session.get_inputs()))
        self.outputs = tuple(_specs(self._session.get_outputs()))
        self.output_names = [item.name for item in self.outputs]
        self._threads = ThreadPoolExecutor(_THREADS, "model")
        self._since = 0  # quick runs since the last one that was timed
        self._usual = math.inf  # seconds that few rows take, a moving mean

    async def score(self, feeds: dict[str, Array], outputs: list[str], rows: int, seconds: float) -> list[Array]:
        """Score within a time limit. What is known to be quick runs at once, everything else in a thread of its own."""
        few = rows <= _FEW
        if few and self._bounded and self._usual < _QUICK:
            self._since = (self._since + 1) % _SAMPLE
            return self.run(feeds, outputs) if self._since else self._timed(feeds, outputs, None)
        options = onnxruntime.RunOptions()
        work = asyncio.get_running_loop().run_in_executor(
            self._threads, self._timed if few else self.run, feeds, outputs, options
        )
        try:
            return await asyncio.wait_for(asyncio.shield(work), seconds)
        except TimeoutError:
            options.terminate = True  # what runs on gives its thread back
            work.add_done_callback(lambda done: done.exception())
            raise TimedOut(503, f"The model did not answer within {seconds * 1000:.0f} ms.", MANUAL) from None

    def run_within(self, feeds: dict[str, Array], outputs: list[str], seconds: float) -> list[Array]:
        """Score in this thread; what could go on for ever is ended when the time is over."""
        if self._bounded:
            return self.run(feeds, outputs)
        options = onnxruntime.RunOptions()
        timer = Timer(seconds, setattr, (options, "terminate", True))
        timer.start()
        try:
            return self.run(feeds, outputs, options)
        finally:
            timer.cancel()

    def run(
        self, feeds: dict[str, Array], outputs: list[str], options: onnxruntime.RunOptions | None = None
    ) -> list[Array]:
        """Score; trouble inside the model is a refusal with its own words cut short."""
        try:
            return self._session.run(outputs, feeds, options or _AS_USUAL)  # type: ignore[no-any-return]
        except Exception as error:  # onnxruntime has no common error type
            raise CannotScore(400, f"The model could not score this input: {_first_line(error)}") from error

    def _timed(
        self, feeds: dict[str, Array], outputs: list[str], options: onnxruntime.RunOptions | None
    ) -> list[Array]:
        began = time.thread_time()  # its own time, not that of others on a busy machine
        try:
            return self.run(feeds, outputs, options)
        finally:
            taken = time.thread_time() - began
            self._usual = taken if self._usual == math.inf else 0.8 * self._usual + 0.2 * taken


def _session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise Refused(422, f"The model cannot be loaded: {_first_line(error)}") from error


def _specs(arguments: list[onnxruntime.NodeArg]) -> Iterator[TensorSpec]:
    return (spec(item.name, item.type, item.shape) for item in arguments)


def _require_harmless(content: bytes) -> set[str]:
    """No data outside the file, no unknown operator sets, no absurd size; the operators that it uses."""
    model = _parsed(content)
    unknown = {item.domain for item in model.opset_import} - _DOMAINS
    if unknown or model.functions:
        raise Refused(
            422,
            f"The model uses operators that are not allowed: {', '.join(sorted(unknown)) or 'functions'}.",
        )
    count, used = 0, set()
    for graph in _graphs(model.graph):
        count += len(graph.node)
        used |= {node.op_type for node in graph.node}
        if count > _MAX_NODES:
            raise Refused(422, f"The model has more than {_MAX_NODES} nodes.")
        if any(_external(tensor) for tensor in _tensors(graph)):
            raise Refused(422, "The model refers to data outside its own file.")
    _require_valid(content)
    return used


def _parsed(content: bytes) -> onnx.ModelProto:
    try:
        return onnx.load_model_from_string(content)
    except Exception as error:
        raise Refused(422, f"The file is not an ONNX model: {_first_line(error)}") from error


def _require_valid(content: bytes) -> None:
    try:
        onnx.checker.check_model(content)
    except Exception as error:
        raise Refused(422, f"The file is not a valid ONNX model: {_first_line(error)}") from error


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            inner = [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
            for item in inner:
                yield from _graphs(item)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from attribute.tensors
            if attribute.HasField("t"):
                yield attribute.t


def _external(tensor: onnx.TensorProto) -> bool:
    return tensor.data_location == onnx.TensorProto.EXTERNAL or bool(tensor.external_data)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
