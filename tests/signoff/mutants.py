"""The engine with a fault seeded into its source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrm.signoff.policies import History, Verdict
from mrm.signoff.policies import evaluate as engine

FOLDER = Path(__import__(engine.__module__, fromlist=["evaluate"]).__file__ or "").parent
MODULES = ("matching", "standing", "evaluate")
Evaluate = Callable[[Mapping[str, Any], History], Verdict]


@dataclass(frozen=True)
class Fault:
    """What somebody could get wrong: in one file, these words instead of those."""

    name: str
    file: str
    right: str
    wrong: str


def seeded(fault: Fault | None) -> Evaluate:
    """The engine compiled anew from its sources, with the fault in it."""
    known: dict[str, Any] = {}
    for file in MODULES:
        text = (FOLDER / f"{file}.py").read_text()
        if fault and fault.file == file:
            assert text.count(fault.right) == 1, (
                f"{fault.name}: the words to replace stand {text.count(fault.right)} times"
            )
            text = text.replace(fault.right, fault.wrong)
        space: dict[str, Any] = {"__name__": f"{engine.__module__.rpartition('.')[0]}.{file}"}
        exec(compile(text, f"{file}.py with {fault.name if fault else 'nothing'}", "exec"), space)
        # what this module took from the others is theirs with the fault, too
        space.update({name: value for name, value in known.items() if name in space})
        known |= {name: value for name, value in space.items() if getattr(value, "__module__", "") == space["__name__"]}
    found: Evaluate = known["evaluate"]
    return found


FAULTS = (
    Fault("a party approves what is his", "standing", "        if part in shut:\n", "        if False:\n"),
    Fault("who was written down as a party is forgotten", "standing",
          "    if party := history.excluded.get(person):\n        return party.reason\n", ""),
    Fault("the principal of a delegation is not looked at", "standing",
          "    for person in ballot.people:\n        if reason := barred", "    for person in (ballot.person,):\n        if reason := barred"),
    Fault("a delegate is counted beside his principal", "standing",
          "elif not taken.isdisjoint(ballot.people):", "elif ballot.person in taken:"),
    Fault("a person counts as often as he votes", "standing", "elif not taken.isdisjoint(ballot.people):", "elif False:"),
    Fault("contributors are frozen at submission", "standing",
          'if "contributor" in shut and any(person in edit.people for edit in history.edits):', "if False:"),
    Fault("voting and then editing keeps the vote", "standing",
          "if any(person in edit.people and edit.at >= ballot.at for edit in history.edits):", "if False:"),
    Fault("conflicts are looked at as of submission", "standing",
          "    parts = history.involved.get(person) or {}\n",
          "    parts = {part: party for part, party in (history.involved.get(person) or {}).items() if party.since <= history.submitted}\n"),
    Fault("conflicts are not looked at", "standing", 'for one, other in policy.get("conflicts", ()):', "for one, other in ():"),
    Fault("a role lost since is ignored", "standing",
          "    now = history.held.get(person, NO_ROLES)\n", "    now = frozenset(r for s in history.ballots for r in s.signed_as)\n"),
    Fault("a role got after the vote counts", "standing",
          "now if ballot.held_then is None else now & ballot.held_then.get(person, NO_ROLES)", "now"),
    Fault("a delegate needs no role", "standing",
          "roles &= _held(history, ballot, ballot.person)", "roles &= roles"),
    Fault("a stale digest is accepted", "standing",
          "return None if ballot.subject_digest == digest else", "return None if ballot.subject_digest else"),
    Fault("a material change keeps the votes", "standing",
          "elif is_material(policy, edit, history.decided):", "elif False:"),
    Fault("a minor change voids the votes", "standing",
          "elif is_material(policy, edit, history.decided):", "else:"),
    Fault("changed evidence keeps the votes", "standing",
          "return (decided is None or edit.at < decided) and", "return False and"),
    Fault("evidence after the decision voids it", "standing",
          "return (decided is None or edit.at < decided) and", "return True and"),
    Fault("an expired delegation counts", "standing",
          "(ballot.principal, ballot.person) and entry.covers(ballot.at)",
          "(ballot.principal, ballot.person) and entry.since <= ballot.at"),
    Fault("an ended delegation counts", "standing",
          "(ballot.principal, ballot.person) and entry.covers(ballot.at)",
          "(ballot.principal, ballot.person) and entry.since <= ballot.at < entry.until"),
    Fault("a delegation has no longest time", "standing",
          'if fits and entry.until - entry.since <= rule.get("max_days", 0) * DAY:', "if fits:"),
    Fault("anybody is anybody's delegate", "standing",
          "        fits = (entry.principal, entry.delegate) == (ballot.principal, ballot.person)",
          "        fits = (entry.principal == ballot.principal)"),
    Fault("no delegation is needed", "standing",
          "or (_no_delegation(policy, history, ballot) if ballot.principal else None)", "or None"),
    Fault("a policy without delegates takes them", "standing",
          '    if not rule.get("allowed"):\n        return "the policy allows no delegate"\n', '    rule = {"max_days": 30} | dict(rule)\n'),
    Fault("who stepped aside is counted", "standing", "    if person in history.recused:", "    if False:"),
    Fault("a superuser's vote counts as any role", "standing",
          "    roles = ballot.signed_as & _held(history, ballot, ballot.authority)\n",
          "    roles = ballot.signed_as & _held(history, ballot, ballot.authority)\n"
          "    if 'administrator' in history.held.get(ballot.person, ()):\n        return ballot.signed_as\n"),
    Fault("a machine signs", "standing", "    if ballot.machine:", "    if False:"),
    Fault("any method of signing will do", "standing", "    if methods and ballot.method not in methods:", "    if False:"),
    Fault("a vote taken back stays", "standing", "                del last[key]\n", "                pass\n"),
    Fault("the first word counts, not the last", "standing",
          "        last.pop((ballot.person, ballot.authority), None)\n        last[ballot.person, ballot.authority] = ballot\n",
          "        last.setdefault((ballot.person, ballot.authority), ballot)\n"),
    Fault("one signature less will do", "matching",
          "return max(0, self.quorum - len(self.by))", "return max(0, self.quorum - 1 - len(self.by))"),
    Fault("one signature more is asked", "matching",
          "return max(0, self.quorum - len(self.by))", "return max(0, self.quorum + 1 - len(self.by))"),
    Fault("business units are not told apart", "matching",
          "if place.apart and (other := next((each for each in place.by if each.unit == voter.unit), None)):", "if False:"),
    Fault("who came first keeps his place", "matching",
          "        if not self._place(other, seen):\n            return False\n", "        return False\n"),
    Fault("any role fills any place", "matching", "            if not voter.roles & place.roles:\n                continue\n", ""),
    Fault("a stage is skipped", "evaluate",
          "    found = [Matching(places) for places in windows(policy, escalated)]\n",
          "    found = [Matching(places) for places in windows(policy, escalated)][:1]\n"),
    Fault("a later stage is signed before its time", "matching",
          '    if policy.get("mode") == "parallel":', "    if True:"),
    Fault("an escalation lowers the quorum", "matching",
          'Place(stage["id"], each["role"], frozenset({each["role"], *added}), each["quorum"],',
          'Place(stage["id"], each["role"], frozenset({each["role"], *added}), each["quorum"] - len(added),'),
    Fault("an escalation adds nobody", "matching", 'frozenset({each["role"], *added})', 'frozenset({each["role"]})'),
    Fault("nobody approves, and that is complete", "evaluate", "    if not any(need.quorum for need in needs):", "    if False:"),
    Fault("a rejection is overlooked", "evaluate", "    if stopped := _stopped(policy, history, votes):", "    if stopped := '':"),
    Fault("anybody rejects", "evaluate",
          ' and effective_roles(policy, history, ballot) & set(rule["any_of"])', ""),
    Fault("returning is rejecting", "evaluate",
          'if "reject" in stops and rule.get("effect", "reject") == "reject":', "if stops:"),
    Fault("there is no time to object", "evaluate", "    if history.now < effective:", "    if False:"),
    Fault("an approval never ends", "evaluate",
          "    if expires is not None and history.now >= expires:", "    if False:"),
    Fault("an interim use lasts as long as a full one", "evaluate",
          '        limits.append(policy["interim"]["max_days"] * DAY)', "        pass"),
    Fault("an emergency lasts as long as a full use", "evaluate",
          '        limits.append(policy["emergency"]["max_hours"] * HOUR)', "        pass"),
    Fault("an emergency is never reviewed", "evaluate", "    if _unreviewed(policy, history):", "    if False:"),
    Fault("an overdue condition suspends nothing", "evaluate", "    if late:", "    if False:"),
    Fault("an interim use needs no condition", "evaluate",
          '    if (policy.get("interim") or {}).get("needs_conditions") and not conditions:', "    if False:"),
    Fault("a withdrawal of the approval is overlooked", "evaluate",
          "    if history.ended is not None and history.ended <= history.now:", "    if False:"),
)  # fmt: skip
