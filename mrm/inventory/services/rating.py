from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.utils import timezone

from mrm.access.queries import account_of
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.inventory import policies, queries
from mrm.inventory.models import Model, PackKind, Rating
from mrm.signoff.models import Proposal, Request
from mrm.signoff.services import must_be_signed


@audited("inventory.rate", "rated {model} tier {tier} by {method}")
def rate_model(model: Model, *, answers: dict[str, int | None], actor: Actor) -> Rating:
    """Compute the tier by the method in force and keep answers, points and method version."""
    permit(actor, "inventory.rate", model)
    method = queries.current_pack(PackKind.TIERING_METHOD)
    _check_answers(method.content, answers)
    rated = policies.rate(method.content, answers, queries.rating_facts(model))
    rating = Rating.objects.create(
        model=model,
        method=method,
        answers=answers,
        materiality_score=_two_decimals(rated.materiality_score),
        complexity_score=_two_decimals(rated.complexity_score),
        materiality=rated.materiality,
        complexity=rated.complexity,
        matrix_tier=str(rated.matrix_tier),
        floors=list(rated.floors),
        computed_tier=str(rated.tier),
        tier=str(rated.tier),
        rated_by=account_of(actor),
    )
    _keep_tier(model, rating.tier, provisional=True)
    describe(model=model.name, tier=rating.tier, method=str(method))
    return rating


@audited("inventory.override_tier", "set the tier of {model} to {tier} against {computed} computed")
def override_tier(model: Model, *, proposal: Proposal, request: Request, actor: Actor) -> Rating:
    """Replace the computed tier by the one that was signed for; who proposed it stands in the rating."""
    must_be_signed("tier_override", request, proposal)
    last, tier = rated(model), proposal.content["tier"]
    if refusal := policies.too_low(last, tier):
        raise Refused(refusal)
    rating = Rating.objects.create(
        model=model,
        method=last.method,
        answers=last.answers,
        materiality_score=last.materiality_score,
        complexity_score=last.complexity_score,
        materiality=last.materiality,
        complexity=last.complexity,
        matrix_tier=last.matrix_tier,
        floors=last.floors,
        computed_tier=last.computed_tier,
        tier=tier,
        override_reason=proposal.reason,
        override_by=proposal.proposed_by,
        rated_by=last.rated_by,
    )
    _keep_tier(model, tier, provisional=model.tier_is_provisional)
    describe(model=model.name, tier=tier, computed=last.computed_tier, request=request.ref)
    return rating


def rated(model: Model) -> Rating:
    """The rating in force, which an override replaces."""
    last = Rating.objects.filter(model=model).select_related("method").first()
    if last is None:
        raise Refused("The model is not rated yet: the method computes first, people override after.")
    return last


@audited("inventory.confirm_tier", "confirmed the tier of {subject}")
def confirm_tier(model: Model, *, actor: Actor) -> Model:
    """The validator agrees with the rating, so it is no longer provisional."""
    permit(actor, "inventory.confirm_tier", model)
    if not model.tier:
        raise Refused("The model is not rated yet.")
    model.tier_is_provisional = False
    model.save(update_fields=["tier_is_provisional"])
    return model


def _keep_tier(model: Model, tier: str, *, provisional: bool) -> None:
    model.tier, model.tier_is_provisional, model.rated_on = tier, provisional, timezone.localdate()
    model.save(update_fields=["tier", "tier_is_provisional", "rated_on"])


def _check_answers(method: dict[str, Any], answers: dict[str, int | None]) -> None:
    known = {question["key"] for factor in method["factors"] for question in factor["questions"]}
    if strange := sorted(set(answers) - known):
        raise Invalid(
            f"The method does not ask {', '.join(strange)}.",
            fields={key: ["Not asked by the method."] for key in strange},
        )
    wrong = sorted(key for key, points in answers.items() if points is not None and points not in (0, 1, 2, 3))
    if wrong:
        raise Invalid("Answers hold 0 to 3 points.", fields={key: ["Between 0 and 3."] for key in wrong})


def _two_decimals(score: Fraction) -> Decimal:
    return (Decimal(score.numerator) / Decimal(score.denominator)).quantize(Decimal("0.01"))
