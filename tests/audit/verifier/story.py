"""Events as the application writes them, and the live rows they lead to: the raw material of bundles."""

import datetime as dt
import uuid
from typing import Any

from mrm.audit.log.merkle import leaf_hash
from mrm.core.canonical import canonical, digest, timestamp

START = dt.datetime(2026, 11, 2, 8, 0, tzinfo=dt.UTC)
NAMES = uuid.UUID("0f6c1de4-8a7b-4d0a-9a55-1c2f2c9b7a10")
LARGEST = 65_535


def key_of(name: str) -> str:
    return str(uuid.uuid5(NAMES, name))


def change(table: str, row: str, op: str, before: Any, after: Any) -> dict[str, Any]:
    return {"table": table, "row": row, "op": op, "before": before, "after": after}


class Story:
    """Events one after the other, chained by object; `rows` is what the tables hold after them."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.held: dict[str, bytes] = {}
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}
        self.policies: dict[str, bytes] = {}
        self.heads: dict[tuple[str, str], tuple[int, str]] = {}
        self.now = START
        self.secret: dict[str, list[str]] = {"access_account": ["password"]}

    @property
    def size(self) -> int:
        return len(self.payloads)

    def pass_time(self, seconds: float = 60) -> None:
        self.now += dt.timedelta(seconds=seconds)

    def insert(self, table: str, row: str, **columns: Any) -> dict[str, Any]:
        after = {"id": row, **columns}
        self.rows.setdefault(table, {})[row] = dict(after)
        return change(table, row, "insert", None, after)

    def update(self, table: str, row: str, **columns: Any) -> dict[str, Any]:
        kept = self.rows[table][row]
        before = {name: kept[name] for name in columns}
        kept.update(columns)
        return change(table, row, "update", before, columns)

    def delete(self, table: str, row: str) -> dict[str, Any]:
        return change(table, row, "delete", self.rows[table].pop(row), None)

    def event(
        self,
        verb: str,
        thing: tuple[str, str],
        *changes: dict[str, Any],
        actor: str = "admin",
        outcome: str = "done",
        subject: tuple[str, str] | None = None,
        details: dict[str, Any] | None = None,
        roles: tuple[str, ...] = ("administrator",),
        **more: Any,
    ) -> int:
        """Append an event; gives its index."""
        seq, previous = self.heads.get(thing, (0, ""))
        about = subject or thing
        content = {
            "v": 1,
            "id": key_of(f"event {self.size}"),
            "at": timestamp(self.now),
            "verb": verb,
            "outcome": outcome,
            "actor": {
                "key": actor,
                "name": actor.title(),
                "roles": list(roles),
                "person": more.get("person", key_of(actor)),
                "on_behalf_of": more.get("on_behalf_of", ""),
            },
            "reason": more.get("reason", ""),
            "request_id": key_of(f"web request {self.size}"),
            "subject": {"type": about[0], "id": about[1], "label": more.get("label", "Kreditausfall „Süd“")},
            "object": {"type": thing[0], "id": thing[1], "seq": seq + 1, "prev": previous},
            "details": details or {},
            "changes": list(changes),
        }
        payload = canonical(content)
        if len(payload) > LARGEST or more.get("by_digest"):
            held = canonical(list(changes))
            self.held[digest(list(changes))] = held
            payload = canonical({**content, "changes": {"count": len(changes), "sha256": digest(list(changes))}})
        self.payloads.append(payload)
        self.heads[thing] = (seq + 1, leaf_hash(payload).hex())
        return self.size - 1


UNITS = {"bank": "/bank/", "risk": "/bank/risk/", "retail": "/bank/retail/"}
PEOPLE = {
    "olivia": ("retail", "owner"),
    "dora": ("retail", "developer"),
    "rita": ("risk", "risk_officer"),
    "adam": ("retail", "risk_officer"),
    "vera": ("risk", "validator"),
}
POLICY = {
    "id": "production-use",
    "stages": [
        {"id": "committee", "requirements": [{"role": "risk_officer", "quorum": 2, "distinct_business_unit": True}]}
    ],
    "reject": {"any_of": ["risk_officer"]},
    "valid_days": 365,
}
MODEL, VERSION = ("inventory.model", key_of("model")), ("inventory.version", key_of("version"))
REQUEST, SUBJECT_DIGEST = key_of("request"), "ab" * 32


def bank() -> Story:
    """Units, people with their roles, the policy, and a model with a version that is put before the signers."""
    story = Story()
    for name, path in UNITS.items():
        row = story.insert("access_businessunit", key_of(name), key=name, path=path, parent_id=None)
        story.event("access.add_unit", ("access.businessunit", key_of(name)), row)
        story.pass_time()
    for name, (unit, role) in PEOPLE.items():
        hire(story, name, unit, role)
    story.policies[digest(POLICY)] = canonical(POLICY)
    policy = story.insert(
        "signoff_policy", "7", key="production-use", version=1, digest=digest(POLICY), content=POLICY, current=True,
        loaded_by_id=None,
    )  # fmt: skip
    policy["after"]["id"] = story.rows["signoff_policy"]["7"]["id"] = 7
    story.event("signoff.load_policy", ("signoff.policy", "7"), policy)
    story.pass_time()
    register(story)
    return story


def hire(story: Story, name: str, unit: str, role: str) -> None:
    person, account, grant = key_of(name), key_of(f"account {name}"), key_of(f"grant {name}")
    row = story.insert("access_person", person, name=name.title(), email=f"{name}@bank.example", unit_id=key_of(unit))
    story.event("access.add_person", ("access.person", person), row)
    story.pass_time()
    rows = [
        story.insert("access_account", account, username=name, kind="personal", person_id=person, is_active=True),
        story.insert(
            "access_rolegrant",
            grant,
            account_id=account,
            role=role,
            unit_id=key_of("bank"),
            since="2026-11-01T00:00:00+00:00",
            until=None,
            granted_by="admin",
            revoked_at=None,
            revoked_by="",
        ),
    ]
    story.event("access.add_account", ("access.account", account), *rows, reason='joins the "Süd" team\nfrom November')
    story.pass_time()


def register(story: Story) -> None:
    rows = [
        story.insert(
            "inventory_model",
            MODEL[1],
            name="Kreditausfall „Süd“",
            owner_id=key_of("olivia"),
            developer_id=key_of("dora"),
            tier="1",
            unit_id=key_of("retail"),
            limit="0.80",
            tags=["pd", {"deep": [1, True, None]}],
        )
    ]
    story.event("inventory.register", MODEL, *rows, actor="olivia", roles=("owner",), details={"tier": "1"})
    story.pass_time()
    row = story.insert("inventory_version", VERSION[1], model_id=MODEL[1], developer_id=key_of("dora"), label="1.0")
    story.event("inventory.add_version", MODEL, row, actor="dora", roles=("developer",), subject=VERSION)
    story.pass_time()
    row = story.update("inventory_version", VERSION[1], label="1.0.1")
    story.event("inventory.edit_version", MODEL, row, actor="dora", roles=("developer",), subject=VERSION)
    story.pass_time()
    row = story.insert("inventory_link", "12", model_id=MODEL[1], note="to be taken back")
    story.event("inventory.link_models", MODEL, row, actor="olivia", roles=("owner",))
    story.pass_time()
    story.event("inventory.unlink_models", MODEL, story.delete("inventory_link", "12"), actor="olivia")
    story.pass_time()


def submit(story: Story, by: str = "olivia") -> None:
    rows = [
        story.insert(
            "signoff_request",
            REQUEST,
            policy_id=7,
            action="approve_for_production",
            subject_kind="version_use",
            subject_key=VERSION[1],
            subject_digest=SUBJECT_DIGEST,
            unit_id=key_of("retail"),
            submitted_by_id=key_of(f"account {by}"),
            submitted_at=timestamp(story.now),
            status="open",
            decided_at=None,
        ),
        *(exclude(story, name, reason) for name, reason in (("olivia", "owns this model"), ("dora", "developed it"))),
    ]
    story.event("signoff.submit", MODEL, *rows, actor=by, subject=("signoff.request", REQUEST), roles=("owner",))
    story.pass_time()


def exclude(story: Story, name: str, reason: str) -> dict[str, Any]:
    row = f"{len(story.rows.get('signoff_exclusion', {})) + 1}"
    told = {"request_id": REQUEST, "person_id": key_of(name), "reason": reason, "at": timestamp(story.now)}
    return story.insert("signoff_exclusion", row, **told)


def signature(story: Story, name: str, decision: str = "approve", **other: Any) -> dict[str, Any]:
    unit, role = PEOPLE[name]
    statement = {
        "decision": decision,
        "rationale": "Evidence read.",
        "conditions": [],
        "subject_digest": SUBJECT_DIGEST,
        "person": key_of(name),
        "role": role,
        "roles": [role],
        "principal": other.get("principal_id") or "",
        "name": name.title(),
        "policy_digest": digest(POLICY),
        **other.pop("signed", {}),
    }
    columns = {
        "request_id": REQUEST,
        "person_id": key_of(name),
        "account_id": key_of(f"account {name}"),
        "principal_id": None,
        "role": role,
        "roles": [role],
        "method": "password",
        "signed_at": timestamp(story.now),
        "unit_path": UNITS[unit],
        "decision": decision,
        "rationale": "Evidence read.",
        "conditions": [],
        "subject_digest": SUBJECT_DIGEST,
        "printed_name": name.title(),
        "statement": canonical(statement).decode(),
        "statement_digest": digest(statement),
        **other,
    }
    return story.insert("signoff_vote", f"{len(story.rows.get('signoff_vote', {})) + 1}", **columns)


def vote(story: Story, name: str, *more: dict[str, Any], **other: Any) -> None:
    row = signature(story, name, **other)
    subject = ("signoff.request", REQUEST)
    story.event("signoff.vote", MODEL, row, *more, actor=name, roles=(PEOPLE[name][1],), subject=subject)
    story.pass_time()


def decide(story: Story, name: str, state: str = "approved", granted: Any = None, **other: Any) -> None:
    """The last vote and what follows from it: the inner event stands before the outer one, at the same time."""
    outer = [signature(story, name, **other)]
    outer.append(story.update("inventory_version", VERSION[1], label="1.0.2"))
    outer.append(story.update("signoff_request", REQUEST, status=state, decided_at=timestamp(story.now)))
    if state == "approved":
        inner = [
            story.insert(
                "approval_approval",
                key_of("approval"),
                version_id=VERSION[1],
                request_id=REQUEST,
                status="valid",
                **(granted or {}),
            ),
            story.update("inventory_version", VERSION[1], label="1.0.3"),
        ]
        story.event("approval.grant", MODEL, *inner, actor=name, subject=("approval.approval", key_of("approval")))
    outer.append(story.update("inventory_version", VERSION[1], label="1.0.4"))
    subject = ("signoff.request", REQUEST)
    story.event("signoff.vote", MODEL, *outer, actor=name, roles=(PEOPLE[name][1],), subject=subject)
    story.pass_time()


def approved() -> Story:
    """The bank's story up to an approval, with a refusal and a long list of changes on the way."""
    story = bank()
    submit(story)
    refused = {"reasons": ["You may not sign: you own this model."]}
    story.event("signoff.vote", MODEL, actor="olivia", outcome="refused", details=refused)
    story.pass_time()
    vote(story, "rita")
    decide(story, "adam")
    rows = [story.insert("inventory_note", str(each), text="ß" * 3, number=each) for each in range(1, 4)]
    story.event("inventory.import_notes", ("inventory.importing", "1"), *rows, by_digest=True, person="")
    return story
