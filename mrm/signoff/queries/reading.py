"""A request and its subject as they are at one moment, and what changed of the subject since it was submitted."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.utils import timezone

from mrm.access.models import Account
from mrm.core.canonical import digest, plain
from mrm.signoff.models import SUBJECTS, Gate, GateState, Request
from mrm.signoff.policies import Edit, History, Party, Verdict, barred, evaluate, is_material
from mrm.signoff.queries.ground import Ground, ground, history_of

BEHIND = ("submitter", "contributor", "model_owner", "developer")
ORDER = (GateState.MISSING, GateState.WAIVED, GateState.MET)
Involved = dict[str, dict[str, Party]]


class Reading:
    """Each part is read once, when it is first asked for. Whoever has written makes a new reading before he judges."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.subject = SUBJECTS[request.subject_kind]

    @cached_property
    def record(self) -> Any:
        return self.subject.find(self.request.subject_key)

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """What a signature binds, as it is now."""
        return self.subject.content(self.record)

    @cached_property
    def gates(self) -> list[Gate]:
        """What must hold, the missing first."""
        return in_order(self.subject.gates(self.record))

    @cached_property
    def parts(self) -> tuple[Involved, dict[str, Party]]:
        """Every person's parts in the subject as the log knows them now, and the parties that no policy lets sign."""
        involved: Involved = {}
        always: dict[str, Party] = {}
        for person, told in self.subject.parties(self.record).items():
            if isinstance(told, str):
                always[person] = Party(told)
            else:
                involved[person] = {part: Party(words) for part, words in told.items()}
        _add(involved, self.request.submitted_by, "submitter", "submitted this request")
        if self.request.policy.loaded_by:
            _add(involved, self.request.policy.loaded_by, "policy_admin", "loaded the policy that this is judged by")
        return involved, always

    def parties(self) -> dict[str, str]:
        """Person id to why he may not sign: as a party that the policy excludes, or in every role that it asks for."""
        involved, always = self.parts
        policy = self.request.policy.content
        past = History(self.request.subject_digest, involved=involved)
        roles = {entry["role"] for stage in policy["stages"] for entry in stage["requirements"]}
        found = {person: party.reason for person, party in always.items()}
        for person in involved:
            reasons = [barred(policy, past, person, [role]) for role in sorted(roles)]
            if reasons and all(reasons):
                found.setdefault(person, str(reasons[0]))
        for exclusion in self.request.exclusions.all():
            found.setdefault(str(exclusion.person_id), exclusion.reason)
        return found

    def behind(self) -> frozenset[str]:
        """The people who stand behind a request: who submitted it, and those whose work or model it is."""
        involved, always = self.parts
        return frozenset(always) | {person for person, own in involved.items() if not own.keys().isdisjoint(BEHIND)}

    def edits(self) -> tuple[Edit, ...]:
        """The change of the subject that nobody noted yet, as an edit of this moment; empty when there is none."""
        return unnoted(self.request, timezone.now().timestamp(), self.content)

    @cached_property
    def written(self) -> Request:
        """The request as it is written down: whoever handed it over may have read its votes before the last one."""
        return Request.objects.select_related("policy", "unit").get(pk=self.request.pk)

    @cached_property
    def on(self) -> Ground:
        return ground([self.written])

    @cached_property
    def past(self) -> History:
        """All that the verdict depends on: also what changed and who took part since it was written down."""
        return self._history(candidates=True)

    @cached_property
    def without_candidates(self) -> History:
        """The same for a request that nobody signs any more."""
        return self._history(candidates=False)

    def _history(self, *, candidates: bool) -> History:
        involved, always = self.parts
        edits = unnoted(self.written, self.on.now.timestamp(), self.content)
        return history_of(self.written, self.on, involved=involved, also=always, edits=edits, candidates=candidates)

    @cached_property
    def verdict(self) -> Verdict:
        return evaluate(self.request.policy.content, self.past)


def _add(involved: Involved, account: Account, part: str, words: str) -> None:
    involved.setdefault(str(account.person_id), {}).setdefault(part, Party(words))


def known_content(request: Request) -> tuple[str, Mapping[str, Any]]:
    """Digest and content that the request holds for the subject: as submitted, or after the last change noted."""
    last = max(request.edits.all(), key=lambda edit: edit.pk, default=None)
    return (last.digest, last.content) if last else (request.subject_digest, request.subject_content)


def known_digest(request: Request) -> str:
    """The digest that the request holds for the subject, without its content."""
    last = max(request.edits.all(), key=lambda edit: edit.pk, default=None)
    return last.digest if last else request.subject_digest


def changed_fields(then: Any, now: Any) -> frozenset[str]:
    """The names, at any depth, under which two contents differ."""
    before, after = (each if isinstance(each, Mapping) else {} for each in (then, now))
    names = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    return frozenset(names).union(*(changed_fields(before.get(name), after.get(name)) for name in names))


def unnoted(request: Request, at: float, content: Mapping[str, Any]) -> tuple[Edit, ...]:
    """How `content`, the subject as it is, differs from what the request holds for it, as an edit of a moment."""
    now = digest(content)
    if now == known_digest(request):
        return ()
    _, before = known_content(request)
    return (Edit(at, now, changed_fields(before, plain(content))),)


def material(request: Request, edits: Sequence[Edit]) -> bool:
    """Whether one of the edits voids the votes on a request that is open."""
    return any(is_material(request.policy.content, edit, None) for edit in edits)


def in_order(found: "list[Gate] | tuple[Gate, ...]") -> list[Gate]:
    return sorted(found, key=lambda gate: ORDER.index(gate.state))
