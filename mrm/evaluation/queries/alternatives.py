"""The candidates of a search for alternatives, and what people chose among them."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from mrm.access.models import Account
from mrm.audit.queries import contributors
from mrm.core.actors import Actor
from mrm.evaluation.models import AlternativeChoice, Run
from mrm.evaluation.policies import why_not_choose, why_not_decide
from mrm.evaluation.queries.numbers import interval, shown
from mrm.evaluation.workflow import RunState
from mrm.inventory.models import Version

PRESENT = 0
MEASURE = "alternative_lowest_air"
MADE = (
    "inventory.add_version", "inventory.edit_version", "inventory.attach_artifact", "inventory.link_dataset",
    "inventory.set_scoring_endpoint", "inventory.remove_scoring_endpoint",
)  # fmt: skip


@dataclass(frozen=True)
class Alternative:
    """One candidate that was fitted and judged; `better` if its lowest ratio is above the present model's, within tolerance."""

    number: int
    said: str
    lowest: float
    shown: str
    between: str
    area: str
    within: bool
    better: bool


def alternatives_of(run: Run) -> list[Alternative]:
    """Every candidate that has a lowest ratio, the present model first."""
    found = [each for each in run.results if each["measure"] == MEASURE and each["value"] is not None]
    base = next((each["value"] for each in found if each["detail"]["candidate"] == PRESENT), None)
    return [_alternative(each, base) for each in found]


def _alternative(result: dict[str, Any], base: float | None) -> Alternative:
    detail, value = result["detail"], result["value"]
    area = (detail.get("performance") or {}).get("auc") or [None]
    better = bool(detail["within"]) and base is not None and value > base
    return Alternative(
        int(detail["candidate"]), detail["said"], value, shown("air", value), interval("air", result),
        shown("auc", area[0]), bool(detail["within"]), better,
    )  # fmt: skip


def choices_of(run: Run) -> QuerySet[AlternativeChoice]:
    """What was proposed and decided on a search, the latest first."""
    return run.choices.select_related("made_by__person", "run__version__model__unit")


def decided_on(run: Run) -> AlternativeChoice | None:
    return choices_of(run).filter(decided=True).first()


def proposed_on(run: Run) -> AlternativeChoice | None:
    """The latest proposal that nobody has decided since."""
    latest = choices_of(run).first()
    return latest if latest and not latest.decided else None


def parts_in(version: Version) -> dict[str, str]:
    """Person to why he is not independent of a version."""
    found = dict.fromkeys(contributors(version, MADE), "you contributed to this version")
    found[str(version.developer_id)] = "you developed this version"
    found[str(version.model.developer_id)] = "you developed the model"
    found[str(version.model.owner_id)] = "you own the model"
    return found


def closed_decision(run: Run, actor: Actor) -> str:
    """Why somebody does not decide on the alternatives of a run; empty if he may."""
    open_one = proposed_on(run)
    proposer = str(open_one.made_by.person_id) if open_one else ""
    return (
        actor.lacks("evaluation.decide_alternative", run)
        or _closed(run)
        or why_not_decide(actor, parts_in(run.version), proposer)
        or ""
    )


def closed_proposal(run: Run, actor: Actor) -> str:
    """Why somebody does not propose a choice; empty if he may."""
    return actor.lacks("evaluation.propose_alternative", run) or _closed(run) or ""


def _closed(run: Run) -> str | None:
    return why_not_choose(run.ref, run.status == RunState.DONE, bool(alternatives_of(run)))


def choice_panel(run: Run, account: Account) -> dict[str, Any]:
    """What the page of a run shows of the choice; nothing where no search was part of it."""
    if "alternatives" not in run.kinds:
        return {}
    made = list(choices_of(run))
    candidates = alternatives_of(run)
    decided = next((each for each in made if each.decided), None)
    proposed = made[0] if made and not made[0].decided else None
    return {
        "searched": True,
        "decided": decided,
        "proposed": proposed,
        "earlier": [each for each in made if each not in (decided, proposed)],
        "better": [each for each in candidates if each.better],
        "closed_proposal": closed_proposal(run, account),
        "closed_decision": closed_decision(run, account),
    }


def choice_facts(run: Run) -> list[dict[str, Any]]:
    """What was proposed and decided, as reports tell it: the latest first, none left out."""
    return [
        {
            "decided": each.decided,
            "candidate": each.candidate,
            "said": each.said,
            "reason": each.reason,
            "rejected": each.rejected,
            "by": each.made_by.name,
            "at": each.made_at,
        }
        for each in choices_of(run)
    ]
