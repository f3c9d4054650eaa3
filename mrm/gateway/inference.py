"""From a request to its answer: which version, what it says, and who stands in for it."""

import asyncio
import time
from typing import Any

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from . import feeds
from .asking import asked, id_of, is_inference, parsed, read, reference_of, unit_of
from .case import Case
from .choosing import choose, keep_within, to_backup
from .doors import Doors
from .metrics import Metrics
from .mirroring import Mirrors
from .record import Record
from .refusal import Refused
from .remote import Remote
from .runtime import CannotScore, TimedOut
from .scoring import NoAnswer, require_answer
from .segment import INSIDE, Found
from .serving import Serving
from .shadow import Shadows
from .spool import Spool
from .tensors import rows

_LARGE = 256 << 10  # bytes of a request that is taken apart in a thread, so that others need not wait
_JSON = (b"content-type", b"application/json")


class Inference:
    """The inference calls of the protocol, straight on ASGI: a framework costs more time than a small model."""

    def __init__(
        self,
        other: ASGIApp,
        serving: Serving,
        metrics: Metrics,
        shadows: Shadows,
        spool: Spool,
        doors: Doors,
        max_body: int,
    ) -> None:
        self._other = other
        self._serving, self._metrics, self._spool = serving, metrics, spool
        self._mirrors = Mirrors(shadows, serving.approvals, metrics, spool)
        self._doors, self._max_body = doors, max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_inference(scope):
            await self._other(scope, receive, send)
            return
        began, case, status = time.perf_counter(), None, 500
        try:
            try:
                case = await self._opened(scope, receive)
                status, content = 200, await self._answered(case)
            except Refused as refused:
                status, content = refused.status, refused.told()
            await _send(send, status, content, case.id if case else "")
        finally:
            self._metrics.record((*self._who(scope, case), str(status)), time.perf_counter() - began)
        if case and status == 200 and not case.probe:
            self._mirrors.send(case)

    def _who(self, scope: Scope, case: Case | None) -> tuple[str, str, str]:
        """Endpoint, version and role, as far as it came; a name that is no endpoint's is not counted by."""
        if case:
            return case.endpoint.name, case.item.variant.version, case.item.variant.role
        name = scope["path"].split("/")[3]
        return name if name in self._serving.endpoints else "", "", ""

    async def _opened(self, scope: Scope, receive: Receive) -> Case:
        request = asked(scope)
        self._doors.enter(request.endpoint, request.authorization)
        endpoint = self._serving.endpoint(request.endpoint)
        raw = await read(receive, self._max_body)
        body, large = parsed(raw), len(raw) > _LARGE
        unit = unit_of(body, endpoint.rules.unit_field)
        probe = request.version is not None and self._doors.is_control(request.authorization)
        if endpoint.rules.inputs == "reference" and not probe:
            reference_of(body)  # a request without one is refused before it is answered
        if request.version is None:
            item = endpoint.assigned(unit)
            return Case(endpoint, request, id_of(request, body), body, unit, item, large=large)
        item = endpoint.version(request.version) if probe else endpoint.answering(request.version)
        flags = ["probe" if probe else "version_named"]
        return Case(endpoint, request, id_of(request, body), body, unit, item, probe, large, flags=flags)

    async def _answered(self, case: Case) -> dict[str, Any]:
        """The answer, once its line in the log is as sure as the endpoint's rules ask for."""
        try:
            choose(case, self._serving.approvals)
            if trouble := await self._asked_twice(case):
                await self._stood_in_for(case, trouble)
        except Refused as refused:
            if refused.code or isinstance(refused, CannotScore):
                outcome = "failed" if isinstance(refused, CannotScore) else "refused"
                await self._log(case, case.record(outcome, [], refused.message))
            raise
        # one text for the caller and for the log
        outputs = orjson.Fragment(orjson.dumps(case.outputs(), option=orjson.OPT_SERIALIZE_NUMPY))
        await self._log(case, case.record("served", outputs))
        return _answer(case, outputs)

    async def _log(self, case: Case, record: Record) -> None:
        if case.endpoint.must_log:
            await self._spool.keep(record)
        else:
            self._spool.offer(record)

    async def _stood_in_for(self, case: Case, trouble: CannotScore) -> None:
        """Ask the backup in place of the version that failed twice, or took too long."""
        if case.endpoint.backup is None or case.on_backup or case.asked.version is not None:
            raise trouble
        to_backup(case, self._serving.approvals, "failed", trouble.message)
        await self._scored(case)

    async def _asked_twice(self, case: Case) -> CannotScore | None:
        """Why the version gave no answer; None when it did."""
        elsewhere = case.item.remote is not None  # it counts its answers itself
        breaker, trouble = None if elsewhere else case.item.breaker, None
        for _ in range(1 if elsewhere else 2):
            try:
                await self._scored(case)
            except CannotScore as failed:
                trouble = failed
                if isinstance(failed, TimedOut):
                    break
            else:
                trouble = None
                break
        telling = not isinstance(trouble, NoAnswer) or trouble.telling
        own = breaker is not None and case.item.breaker is breaker  # and not what the backup said in its place
        if own and telling:
            self._count(case, failed=trouble is not None)
        return trouble

    async def _scored(self, case: Case) -> None:
        if case.item.remote is not None:
            await self._scored_elsewhere(case, case.item.remote)
            return
        model = case.item.require()
        features = case.item.variant.features
        if case.large:
            taken = await asyncio.to_thread(feeds.feeds, case.body, model.inputs, features)
        else:
            taken = feeds.feeds(case.body, model.inputs, features)
        case.rows = rows(taken)
        if case.item.segment and case.found is None:
            self._keep_within(case, case.item.segment.check(taken))
            if case.on_backup:
                await self._scored(case)
                return
        names = feeds.wanted(case.body, model.output_names)
        arrays = await model.score(taken, names, case.rows, case.endpoint.seconds)
        case.answers = list(zip(names, arrays, strict=True))
        if not case.probe:
            require_answer(case, taken)

    async def _scored_elsewhere(self, case: Case, remote: Remote) -> None:
        """Ask the backup where it is; one that fails again and again is left alone, until a person lets it answer."""
        try:
            found = await remote.score(case.body, case.id, case.endpoint.seconds)
            names = feeds.wanted(case.body, list(found))
            case.answers, case.rows = [(name, found[name]) for name in names], rows(found)
            if not case.probe:
                require_answer(case, {})
        except CannotScore as trouble:
            self._count(case, failed=True)
            trouble.message = f"{case.reason} {trouble.message}".strip()
            raise
        self._count(case, failed=False)

    def _count(self, case: Case, *, failed: bool) -> None:
        """Tell the breaker of the version that was asked; golden rows are no requests."""
        breaker = case.item.breaker
        if breaker and not case.probe and breaker.record(failed=failed):
            self._metrics.failovers += 1
            self._serving.breakers.note()

    def _keep_within(self, case: Case, found: Found) -> None:
        case.found = found
        if found is INSIDE:
            return
        for (rule, action), number in (found.rows or {}).items():
            self._metrics.outside(case.endpoint.name, rule, action, number)
        keep_within(case, self._serving.approvals, found)


def _answer(case: Case, outputs: Any) -> dict[str, Any]:
    version = case.item.variant.version
    parameters = case.endpoint.told[version]
    if case.found and case.found.outside:
        parameters = parameters | {"out_of_segment": [each.told() for each in case.found.outside]}
    if case.reason:
        parameters = parameters | {"flags": case.flags, "reason": case.reason}
    found = {
        "model_name": case.endpoint.name,
        "model_version": version,
        "parameters": parameters,
        "outputs": outputs,
    }
    if isinstance(case.body.get("id"), str):
        found["id"] = case.body["id"]
    return found


async def _send(send: Send, status: int, content: dict[str, Any], id: str) -> None:
    body = orjson.dumps(content)
    headers = [_JSON, (b"content-length", str(len(body)).encode())]
    if status == 429:
        headers.append((b"retry-after", b"1"))
    if id:
        headers.append((b"x-request-id", id.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
