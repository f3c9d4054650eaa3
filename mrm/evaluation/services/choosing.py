"""Choose among the candidates of a search, or keep the present model: proposed by those who build, decided independently."""

from collections.abc import Mapping

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core.actors import permit
from mrm.core.refusal import Invalid, Refused
from mrm.evaluation import queries
from mrm.evaluation.models import AlternativeChoice, Run

Reasons = Mapping[int, str]


@audited("evaluation.propose_alternative", "proposed on {run} to {choice}")
def propose_alternative(
    run: Run, *, candidate: int, reason: str, rejected: Reasons, actor: Account
) -> AlternativeChoice:
    """Say which candidate should be taken, with a reason for each that is better and is not; others decide."""
    permit(actor, "evaluation.propose_alternative", run)
    run = _locked(run)
    if closed := queries.closed_proposal(run, actor):
        raise Refused(closed)
    return _kept(run, candidate, reason, rejected, actor, decided=False)


@audited("evaluation.decide_alternative", "decided on {run} to {choice}")
def decide_alternative(
    run: Run, *, candidate: int, reason: str, rejected: Reasons, actor: Account
) -> AlternativeChoice:
    """Take a candidate or keep the present model; what was decided before stays on record and counts no more."""
    permit(actor, "evaluation.decide_alternative", run)
    run = _locked(run)
    if closed := queries.closed_decision(run, actor):
        raise Refused(closed)
    return _kept(run, candidate, reason, rejected, actor, decided=True)


def _locked(run: Run) -> Run:
    return Run.objects.select_for_update(of=("self",)).select_related("version__model__unit").get(pk=run.pk)


def _kept(
    run: Run, candidate: int, reason: str, rejected: Reasons, actor: Account, *, decided: bool
) -> AlternativeChoice:
    told = _checked(run, candidate, reason, rejected)
    made = AlternativeChoice.objects.create(
        run=run, candidate=candidate, reason=reason.strip(), rejected=told, decided=decided, made_by=actor,
        proposal=queries.proposed_on(run) if decided else None,
    )  # fmt: skip
    describe(run=run.ref, choice=made.said, candidate=candidate, rejected=len(told))
    return made


def _checked(run: Run, candidate: int, reason: str, rejected: Reasons) -> list[dict[str, object]]:
    """The reasons by candidate, once there is one for each that was better and nothing else is named."""
    candidates = {each.number: each for each in queries.alternatives_of(run)}
    if candidate not in candidates:
        numbers = ", ".join(map(str, candidates))
        raise Invalid(
            f"{run.ref} judged no candidate {candidate}; it judged {numbers}, of which 0 is the present model.",
            fields={"candidate": ["Choose one of the candidates."]},
        )
    if not candidates[candidate].within:
        raise Invalid(
            f"Candidate {candidate} gives up more than was set before the search; choose one within the tolerance.",
            fields={"candidate": ["Beyond the tolerance."]},
        )
    if not reason.strip():
        raise Invalid("Say why this choice is right.", fields={"reason": ["Say why."]})
    better = [each.number for each in candidates.values() if each.better and each.number != candidate]
    silent = [number for number in better if not rejected.get(number, "").strip()]
    if silent:
        raise Invalid(
            f"Say why {_named(silent)} {'is' if len(silent) == 1 else 'are'} not taken: less discriminatory, and within the"
            " tolerance.",
            fields={f"rejected_{number}": ["Say why it is not taken."] for number in silent},
        )
    if strange := sorted(set(rejected) - set(better)):
        raise Invalid(
            f"No reason is needed for {_named(strange)}; reasons are given for {_named(better) if better else 'none'}.",
            fields={"rejected": ["Leave it out."]},
        )
    return [{"candidate": number, "reason": rejected[number].strip()} for number in better]


def _named(numbers: list[int]) -> str:
    return f"candidate{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
