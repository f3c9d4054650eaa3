"""A small bank in which anything may be tried: it writes down what happens, and asks nobody whether it may."""

import random
from collections.abc import Callable
from typing import Any

from mrm.signoff.policies import Ballot, Delegation, Duty, Edit, Escalation, History, Party

HOUR, DAY = 3600.0, 86400.0
UNITS = {
    "ann": "/bank/risk/", "bob": "/bank/retail/", "cid": "/bank/risk/", "val": "/bank/model/", "wes": "/bank/retail/",
    "lea": "/bank/retail/", "dev": "/bank/retail/", "own": "/bank/retail/", "adm": "/bank/it/",
}  # fmt: skip
ROLES = {
    "ann": {"risk_officer"}, "bob": {"risk_officer", "bu_lead"}, "cid": {"risk_officer"}, "val": {"validator"},
    "wes": {"validator", "risk_officer"}, "lea": {"bu_lead"}, "dev": {"developer"}, "own": {"owner"}, "adm": {"administrator"},
}  # fmt: skip
PARTS = {"dev": ("developer",), "own": ("model_owner",), "lea": ()}


def need(role: str, quorum: int = 1, *, apart: bool = False) -> dict[str, Any]:
    return {"role": role, "quorum": quorum, "distinct_business_unit": apart}


def policy(*stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A policy as the packs hold it, with what the test leaves out."""
    return {
        "stages": list(stages),
        "exclude_parties": ["submitter", "contributor", "model_owner", "developer"],
        "conflicts": [["developer", "validator"], ["validator", "approver"], ["approver", "deployer"]],
        "reject": {"any_of": ["risk_officer", "validator"], "effect": "reject"},
        "delegation": {"allowed": True, "max_days": 30, "redelegate": False, "same_role_required": True},
        "conditions": {"allowed": True, "must_have": ["owner", "due"], "on_overdue": "suspend"},
        "valid_days": 365,
        "material_fields": ["methodology", "artifact"],
        "evidence_fields": ["runs"],
        "signature": {"required": True, "methods": ["password", "totp"], "max_age_s": 300},
    } | more


def stage(id: str, *requirements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id, "sla_hours": 24, "requirements": list(requirements)} | more


POLICIES = {
    "two officers": policy(stage("committee", need("risk_officer", 2, apart=True))),
    "stages": policy(
        stage("validation", need("validator"), escalate_to="risk_officer"),
        stage("committee", need("risk_officer", 2, apart=True), need("bu_lead")),
    ),
    "parallel": policy(
        stage("validation", need("validator")), stage("committee", need("risk_officer"), need("bu_lead")), mode="parallel"
    ),
    "in order": policy(stage("committee", need("bu_lead"), need("risk_officer", 2), mode="sequence")),
    "cool-down": policy(stage("eyes", need("risk_officer"), need("bu_lead")), cool_down_hours=24),
    "interim": policy(
        stage("risk", need("risk_officer", 2)), interim={"max_days": 90, "needs_conditions": True},
        delegation={"allowed": True, "max_days": 30, "same_role_required": False},
    ),
    "emergency": policy(
        stage("two", need("risk_officer", 2)), emergency={"max_hours": 72, "review_days": 2}, delegation={"allowed": False}
    ),
    "either": policy(stage("both", need("risk_officer"), need("bu_lead"))),
    "escalated": policy(stage("validation", need("validator"), escalate_to="risk_officer"), stage("lead", need("bu_lead"))),
    "makers may": policy(
        stage("committee", need("risk_officer"), need("validator")), exclude_parties=["submitter", "model_owner"]
    ),
    "return": policy(stage("one", need("risk_officer")), reject={"any_of": ["risk_officer"], "effect": "return"}),
}  # fmt: skip


class World:
    """What happened so far. Every step takes an hour."""

    def __init__(
        self, rules: dict[str, Any], units: dict[str, str] = UNITS, roles: dict[str, set[str]] = ROLES,
        parts: dict[str, tuple[str, ...]] = PARTS,
    ) -> None:  # fmt: skip
        self.rules, self.units, self.now, self.submitted = rules, units, 1000 * DAY, 1000 * DAY
        self.ballots: list[Ballot] = []
        self.edits: list[Edit] = []
        self.delegations: list[Delegation] = []
        self.escalations: list[Escalation] = []
        self.duties: list[Duty] = []
        self.recused: dict[str, str] = {}
        self.excluded: dict[str, Party] = {}
        self.parts = {person: {part: Party(f"is {part}") for part in own} for person, own in parts.items()}
        self.grants = [(person, role, 0.0, float("inf")) for person, own in roles.items() for role in sorted(own)]
        self.decided: float | None = None
        self.ended: float | None = None
        self.reviewed: float | None = None

    @property
    def digest(self) -> str:
        return self.edits[-1].digest if self.edits else "d0"

    def held(self, person: str, at: float) -> frozenset[str]:
        return frozenset(role for who, role, since, until in self.grants if who == person and since <= at < until)

    def history(self, **more: Any) -> History:
        return History(
            "d0", tuple(self.ballots), self.excluded, {person: self.held(person, self.now) for person in self.units},
            self.parts, tuple(self.edits), self.recused, tuple(self.delegations), tuple(self.escalations), (),
            tuple(self.duties), None, self.now, self.submitted, self.decided, self.ended, self.reviewed, **more,
        )  # fmt: skip

    def wait(self, hours: float = 1.0) -> None:
        self.now += hours * HOUR

    def vote(
        self, person: str, decision: str = "approve", *, principal: str = "", pretend: str = "", digest: str = "",
        **more: Any,
    ) -> None:  # fmt: skip
        """Sign in the roles that one has, or in one that is only pretended."""
        self.wait()
        authority = principal or person
        roles = {pretend} if pretend else self.held(authority, self.now) or {"risk_officer"}
        asked = {"text": "Drill"}
        self.ballots.append(
            Ballot(
                person, min(roles), self.units[person], decision, digest or self.digest,
                (asked,) if decision == "approve_with_conditions" else (), self.now, principal, frozenset(roles),
                {who: self.held(who, self.now) for who in (person, principal) if who},
                **more,
            )
        )  # fmt: skip

    def edit(self, person: str, *fields: str) -> None:
        self.wait()
        self.edits.append(Edit(self.now, f"d{len(self.edits) + 1}", frozenset(fields), frozenset({person})))

    def delegate(self, principal: str, delegate: str, days: float = 10.0) -> None:
        self.wait()
        self.delegations.append(Delegation(principal, delegate, self.now, self.now + days * DAY))

    def end_delegation(self) -> None:
        self.wait()
        if self.delegations:
            last = self.delegations.pop()
            self.delegations.append(Delegation(last.principal, last.delegate, last.since, last.until, self.now))

    def revoke(self, person: str, role: str) -> None:
        self.wait()
        self.grants = [
            (who, what, since, min(until, self.now) if (who, what) == (person, role) else until)
            for who, what, since, until in self.grants
        ]

    def grant(self, person: str, role: str) -> None:
        self.wait()
        self.grants.append((person, role, self.now, float("inf")))

    def become(self, person: str, part: str) -> None:
        self.wait()
        self.parts = {**self.parts, person: {**self.parts.get(person, {}), part: Party(f"is {part}", self.now)}}

    def exclude(self, person: str) -> None:
        self.wait()
        self.excluded = {**self.excluded, person: Party("owns this model", self.now)}

    def recuse(self, person: str) -> None:
        self.wait()
        self.recused = {**self.recused, person: "my brother built it"}

    def escalate(self) -> None:
        self.wait()
        self.escalations.append(Escalation(self.rules["stages"][0]["id"], self.now))

    def decide(self) -> None:
        """Somebody takes it for approved, rightly or not: whether it was is asked again at use."""
        self.wait()
        self.decided = self.decided or self.now


Step = Callable[[World, random.Random], None]
ADVERSARIAL: dict[str, Step] = {
    "a party votes": lambda w, r: w.vote(r.choice(["dev", "own"]), pretend=r.choice(["risk_officer", "validator"])),
    "a party gets the role and votes": lambda w, r: (w.grant("dev", "risk_officer"), w.vote("dev"))[-1],
    "an administrator votes": lambda w, r: w.vote("adm", pretend=r.choice(["administrator", "risk_officer"])),
    "a machine votes": lambda w, r: w.vote(r.choice(["ann", "bob", "val"]), machine=True),
    "an unknown method": lambda w, r: w.vote(r.choice(["ann", "bob", "val"]), method="none"),
    "a stale digest": lambda w, r: w.vote(r.choice(["ann", "bob", "cid", "val"]), digest="stale"),
    "a voter edits": lambda w, r: w.edit(r.choice(["ann", "bob", "cid", "val", "wes"]), "notes"),
    "a party edits what is material": lambda w, r: w.edit("dev", r.choice(["methodology", "artifact"])),
    "a party edits a note": lambda w, r: w.edit("dev", "notes"),
    "new evidence": lambda w, r: w.edit("own", "runs"),
    "a role is lost": lambda w, r: w.revoke(*r.choice([("ann", "risk_officer"), ("bob", "risk_officer"), ("val", "validator")])),
    "a role came after the vote": lambda w, r: (w.vote("lea", pretend="risk_officer"), w.grant("lea", "risk_officer"))[-1],
    "a voter becomes a party": lambda w, r: w.become(r.choice(["ann", "bob", "val"]), r.choice(["contributor", "submitter"])),
    "a voter deployed it": lambda w, r: w.become(r.choice(["ann", "bob", "cid"]), "deployer"),
    "a voter validated it": lambda w, r: w.become(r.choice(["ann", "wes", "bob"]), "validator"),
    "a voter is excluded": lambda w, r: w.exclude(r.choice(["ann", "bob", "val", "cid"])),
    "a voter steps aside": lambda w, r: w.recuse(r.choice(["ann", "bob", "val", "cid"])),
    "a vote is taken back": lambda w, r: w.vote(r.choice(["ann", "bob", "cid", "val", "lea"]), "withdraw_vote"),
    "a vote is given twice": lambda w, r: w.vote(r.choice(["ann", "bob", "val"])),
    "a colleague of the unit votes": lambda w, r: w.vote("cid"),
    "somebody rejects": lambda w, r: w.vote(r.choice(["ann", "lea", "dev", "val"]), r.choice(["reject", "return"])),
    "a delegate votes": lambda w, r: (w.delegate("ann", "cid"), w.vote("cid", principal="ann"))[-1],
    "a delegate votes twice over": lambda w, r: (w.delegate("ann", "cid"), w.vote("cid", principal="ann"), w.vote("cid"))[-1],
    "principal and delegate vote": lambda w, r: (w.vote("ann"), w.delegate("ann", "bob"), w.vote("bob", principal="ann"))[-1],
    "a party's delegate votes": lambda w, r: (
        w.grant("dev", "risk_officer"), w.delegate("dev", "cid"), w.vote("cid", principal="dev"))[-1],
    "a delegate who is a party votes": lambda w, r: (
        w.grant("dev", "risk_officer"), w.delegate("ann", "dev"), w.vote("dev", principal="ann"))[-1],
    "one who stepped aside has a delegate": lambda w, r: (w.delegate("ann", "cid"), w.recuse("ann"), w.vote("cid", principal="ann"))[-1],
    "an expired delegation": lambda w, r: (w.delegate("ann", "cid", 1), w.wait(30), w.vote("cid", principal="ann"))[-1],
    "an ended delegation": lambda w, r: (w.delegate("bob", "cid"), w.end_delegation(), w.vote("cid", principal="bob"))[-1],
    "a delegation too long": lambda w, r: (w.delegate("bob", "cid", 60), w.vote("cid", principal="bob"))[-1],
    "no delegation": lambda w, r: w.vote("cid", principal="bob"),
    "a delegation passed on": lambda w, r: (
        w.delegate("bob", "ann"), w.delegate("ann", "cid"), w.vote("cid", principal="bob"))[-1],
    "a delegate without the role": lambda w, r: (w.delegate("bob", "adm"), w.vote("adm", principal="bob"))[-1],
    "a later stage votes first": lambda w, r: w.ballots.sort(key=lambda b: b.role) or w.wait(),
    "escalation": lambda w, r: w.escalate(),
    "time passes": lambda w, r: w.wait(r.choice([12, 30, 60, 24 * 3, 24 * 100, 24 * 400])),
    "a condition falls due": lambda w, r: w.duties.append(Duty("Drill", w.now + r.choice([1, 500]) * HOUR)),
    "a condition is met": lambda w, r: w.duties.append(Duty("Drill", w.now, w.now + HOUR)),
    "the approval is withdrawn": lambda w, r: setattr(w, "ended", w.now),
    "it is taken for decided": lambda w, r: w.decide(),
    "an emergency is reviewed": lambda w, r: setattr(w, "reviewed", w.now + r.choice([0, 60]) * HOUR),
    "nobody votes": lambda w, r: w.ballots.clear(),
    "the last vote is missing": lambda w, r: (w.ballots and w.ballots.pop(), w.wait())[-1],
}  # fmt: skip
HAPPY: dict[str, tuple[str, ...]] = {
    "two officers": ("ann", "bob"), "stages": ("val", "ann", "wes", "lea"), "parallel": ("val", "ann", "lea"),
    "in order": ("lea", "ann", "cid"), "cool-down": ("ann", "lea"), "interim": ("ann", "bob"), "emergency": ("ann", "bob"),
    "return": ("cid",), "either": ("bob", "ann"), "escalated": ("ann", "lea"), "makers may": ("ann", "val"),
}  # fmt: skip


def happy(name: str) -> list[Step]:
    """The steps by which everybody who must signs, it is decided, and the time to object passes."""
    said = "approve_with_conditions" if name == "interim" else "approve"
    votes: list[Step] = [lambda w, r, person=person: w.vote(person, said) for person in HAPPY[name]]
    if name == "escalated":
        votes.insert(0, ADVERSARIAL["escalation"])
    return [*votes, lambda w, r: w.wait(25 if name == "cool-down" else 1), lambda w, r: w.decide()]


def guided(chance: random.Random, splices: int) -> World:
    """The happy path with adversarial steps spliced in; now and then one of those who must sign does not."""
    name = chance.choice(sorted(POLICIES))
    steps = happy(name)
    if splices and chance.random() < 0.3:
        steps.pop(chance.randrange(len(HAPPY[name])))
    for _ in range(splices):
        steps.insert(chance.randrange(len(steps) + 1), ADVERSARIAL[chance.choice(sorted(ADVERSARIAL))])
    world = World(POLICIES[name])
    for step in steps:
        step(world, chance)
    world.wait(chance.choice([1, 1, 1, 1, 30, 60, 80, 24 * 100, 24 * 400]))
    return world
