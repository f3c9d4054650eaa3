"""A policy in plain sentences, each under what it is about; and what one version says otherwise than another."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mrm.signoff.policies.methods import METHODS, methods_of
from mrm.signoff.policies.standing import EXCLUDED, PARTS
from mrm.signoff.policies.words import words

Content = Mapping[str, Any]


def sentences(policy: Content) -> list[tuple[str, str]]:
    """Everything that a policy says, in the order in which somebody asks for it."""
    return [
        ("When it applies", _applies(policy["applies"])),
        *_stages(policy),
        ("Who never signs", f"{_parties(policy.get('exclude_parties', EXCLUDED))}. A person counts once."),
        *_conflicts(policy),
        ("Rejecting", _rejecting(policy["reject"])),
        ("Standing in", _delegation(policy.get("delegation") or {"allowed": False})),
        ("Conditions", _conditions(policy["conditions"])),
        *_time(policy),
        ("What voids it", _material(policy)),
        ("Signature", _signature(policy)),
    ]


def changed_sentences(before: Content, after: Content) -> list[tuple[str, str, str]]:
    """What about, and the sentences of each version, where they differ; `before` may be empty."""
    then = _by_title(sentences(before)) if before else {}
    now = _by_title(sentences(after))
    titles = [*now, *(title for title in then if title not in now)]
    return [
        (title, then.get(title, ""), now.get(title, ""))
        for title in titles
        if then.get(title, "") != now.get(title, "")
    ]


def _by_title(said: Sequence[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for title, sentence in said:
        found[title] = f"{found[title]} {sentence}" if title in found else sentence
    return found


def _applies(rule: Mapping[str, Any]) -> str:
    tiers = rule.get("tier", ())
    of_tier = f" of tier {_or(tiers)}" if tiers else ", whatever its tier"
    return f"To {words(rule['action'])}{of_tier}."


def _stages(policy: Content) -> Iterator[tuple[str, str]]:
    for stage in policy["stages"]:
        title = f"Stage: {stage.get('title', stage['id'])}"
        for entry in stage["requirements"]:
            yield title, _requirement(entry)
        yield title, f"Decided within {stage['sla_hours']} hours.{_escalated(stage)}"
    if len(policy["stages"]) > 1:
        parallel = policy.get("mode") == "parallel"
        order = "All stages are open at once." if parallel else "A stage opens when the one before is complete."
        yield "Order of the stages", order


def _requirement(entry: Mapping[str, Any]) -> str:
    role = words(entry["role"])
    people = f"{entry['quorum']} {role}{'s' if entry['quorum'] > 1 else ''}"
    apart = " of different business units" if entry.get("distinct_business_unit") else ""
    return f"{people}{apart} must sign."


def _escalated(stage: Mapping[str, Any]) -> str:
    role = words(stage.get("escalate_to", ""))
    return f" When that has passed, a {role} may sign too." if role else ""


def _parties(shut: Sequence[str]) -> str:
    *others, last = ("whoever " + PARTS[part].split(":", 1)[0] for part in shut)
    told = f"{', '.join(others)} and {last}" if others else last
    return told[:1].upper() + told[1:]


def _conflicts(policy: Content) -> Iterator[tuple[str, str]]:
    pairs = [f"{words(one)} and {words(other)}" for one, other in policy.get("conflicts", ())]
    if pairs:
        told = "; ".join(pairs)
        yield "What one person never combines", f"{told[:1].upper()}{told[1:]}: over the whole history of the subject."


def _rejecting(rule: Mapping[str, Any]) -> str:
    who = _or([words(role) for role in rule["any_of"]])
    if rule.get("effect", "reject") == "return":
        return f"One {who} who rejects or returns sends it back to whoever asked."
    return f"One {who} who rejects or returns ends the request."


def _delegation(rule: Mapping[str, Any]) -> str:
    if not rule["allowed"]:
        return "Nobody signs in another's place."
    same = ", who must hold the same role" if rule.get("same_role_required", True) else ""
    return f"A delegate may, for {rule['max_days']} days at most{same}; both are counted."


def _conditions(rule: Mapping[str, Any]) -> str:
    if not rule["allowed"]:
        return "None are allowed."
    return f"Allowed; each has its {', '.join(rule['must_have'])}. When one is overdue, the approval is suspended."


def _time(policy: Content) -> Iterator[tuple[str, str]]:
    title = "How long it holds"
    yield title, f"{policy['valid_days']} days, for exactly the bytes and evidence that were signed."
    if hours := policy.get("cool_down_hours"):
        yield (
            "When it takes effect",
            f"{hours} hours after the last signature; until then whoever may reject can object.",
        )
    if interim := policy.get("interim"):
        owed = ", under conditions only" if interim.get("needs_conditions") else ""
        yield title, f"As an interim use, {interim['max_days']} days at most{owed}."
    if emergency := policy.get("emergency"):
        most, review = emergency["max_hours"], emergency["review_days"]
        yield (
            title,
            f"As an emergency use, {most} hours at most; others review it within {review} days or it is suspended.",
        )


def _material(policy: Content) -> str:
    told = f"A change of {_or([words(each) for each in policy['material_fields']])} voids signatures and approval."
    if evidence := policy.get("evidence_fields"):
        told += f" While it is open, so does a change of {_or([words(each) for each in evidence])}."
    return told


def _signature(policy: Content) -> str:
    means = _or([METHODS[each] for each in methods_of(policy)])
    return f"Confirmed by {means}, on a statement read at most {policy['signature']['max_age_s']} seconds ago."


def _or(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
