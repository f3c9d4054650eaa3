"""Pages: what an experiment registered, what its looks showed against their limits, and what may follow."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from mrm.access.pages import account_of
from mrm.core.actors import permit
from mrm.core.forms import well_formed
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Invalid
from mrm.deployment import queries, services
from mrm.deployment.forms import EndForm, ExperimentForm, OutcomesForm, PromoteForm
from mrm.deployment.models import Experiment, Reading, ReadingKind
from mrm.deployment.views.deployments import find
from mrm.measures.experiments import boundaries

LEFT, RIGHT, TOP, BOTTOM = 60, 690, 16, 244  # the plane of the chart, in its own units


@dataclass(frozen=True)
class Mark:
    """One arm at one look, placed in the chart."""

    x: str
    y: str
    words: str
    crossed: bool


@dataclass(frozen=True)
class Chart:
    """The limits of every look with what was seen between them."""

    upper: str
    lower: str
    zero: str
    looks: tuple[tuple[str, int], ...]
    levels: tuple[tuple[str, str], ...]
    marks: tuple[Mark, ...]
    alt: str


@require_http_methods(["GET", "POST"])
def register(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Say everything before anybody looks."""
    place, account = find(request, pk), account_of(request)
    form = ExperimentForm(request.POST or None)
    if form.is_valid():
        return redirect(services.register_experiment(place, actor=account, **form.cleaned_data))
    context = {
        "deployment": place, "form": form, "arms": queries.compared(place),
        "closed": account.lacks("deployment.register_experiment", place),
    }  # fmt: skip
    return render(request, "deployment/register_experiment.html", context, status=422 if form.errors else 200)


def _find(request: HttpRequest, pk: uuid.UUID) -> Experiment:
    found: Experiment = get_object_or_404(queries.experiments_visible_to(account_of(request)), pk=pk)
    return found


@require_GET
def experiment(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One experiment: its plan, its limits, its readings; the one just taken first, and in it the sample ratio."""
    found = _find(request, pk)
    just = next((each for each in found.readings.all() if str(each.pk) == request.GET.get("reading")), None)
    return _page(request, found, OutcomesForm(), just)


def _page(request: HttpRequest, found: Experiment, form: OutcomesForm, just: Reading | None = None) -> HttpResponse:
    account = account_of(request)
    limits = boundaries(found.looks, found.alpha)
    labels = [arm.version.label for arm in found.arms.all()]
    over = queries.is_over(found)
    context = {
        "experiment": found,
        "deployment": found.deployment,
        "arms": found.arms.all(),
        "over": over,
        "chart": _chart(found, limits),
        "schedule": _schedule(found, limits),
        "readings": [(each, services.answer(each)) for each in found.readings.all()],
        "form": form,
        "just": just,
        "told": services.answer(just) if just else "",
        "why_not_read": account.lacks("deployment.read_experiment", found) or queries.why_no_reading(found),
        "why_not_end": account.lacks("deployment.end_experiment", found) or (f"{found} is ended." if over else None),
        "promotions": [
            (label, account.lacks("deployment.deploy", found.deployment) or queries.why_no_promotion(found, label))
            for label in labels[1:]
        ],
    }
    return render(request, "deployment/experiment.html", context, status=422 if form.errors else 200)


@takes_forms_only
def outcomes(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Hand in the outcomes, and see what they show."""
    found, form = _find(request, pk), OutcomesForm(request.POST, request.FILES)
    permit(account_of(request), "deployment.read_experiment", found)
    if not form.is_valid():
        return _page(request, found, form)
    try:
        rows = services.read_outcomes(found, form.cleaned_data["outcomes"])
    except Invalid as fault:  # the page says it beside the file, where it is put right
        form.add_error("outcomes", str(fault))
        return _page(request, found, form)
    reading = services.read_experiment(
        found, rows=rows, guardrail=form.cleaned_data["guardrail"], actor=account_of(request)
    )
    return redirect(f"{found.get_absolute_url()}?reading={reading.pk}")


def _schedule(found: Experiment, limits: tuple[float, ...]) -> list[dict[str, Any]]:
    """A line for each planned look: when it is due, its limit, and what it showed."""
    taken = {each.look: each for each in found.readings.all() if each.kind == ReadingKind.LOOK}
    return [
        {"look": look, "due": -(-found.horizon * look // found.looks), "limit": limit, "reading": taken.get(look)}
        for look, limit in enumerate(limits, start=1)
    ]


def _chart(found: Experiment, limits: tuple[float, ...]) -> Chart:
    looked = [each for each in found.readings.all() if each.kind == ReadingKind.LOOK and not each.closed]
    most = max([*limits, *(abs(result["z"]) for each in looked for result in each.results)]) * 1.1
    step, middle = (RIGHT - LEFT) / found.looks, (TOP + BOTTOM) / 2

    def x(look: int) -> str:
        return f"{LEFT + step * look - step / 2:.1f}"

    def y(z: float) -> str:
        return f"{middle - z / most * (BOTTOM - TOP) / 2:.1f}"

    marks = tuple(
        Mark(x(each.look or 0), y(result["z"]), f"{result['arm']} z {result['z']:.2f}", result["crossed"])
        for each in looked
        for result in each.results
    )
    told = "; ".join(f"look {each.look}: {services.answer(each)}" for each in looked) or "no look was taken yet"
    return Chart(
        upper=" ".join(f"{x(look)},{y(limit)}" for look, limit in enumerate(limits, start=1)),
        lower=" ".join(f"{x(look)},{y(-limit)}" for look, limit in enumerate(limits, start=1)),
        zero=f"{middle:.1f}",
        looks=tuple((x(look), look) for look in range(1, found.looks + 1)),
        levels=tuple((y(z), f"{z:+.1f}".replace("-", "−")) for z in (limits[-1], -limits[-1])),
        marks=marks,
        alt=f"The limits narrow from ±{limits[0]:.2f} at the first look to ±{limits[-1]:.2f} at the last; {told}.",
    )


@takes_forms_only
def end(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found, form = _find(request, pk), well_formed(EndForm(request.POST), labelled=True)
    return redirect(services.end_experiment(found, actor=account_of(request), **form.cleaned_data))


@takes_forms_only
def promote(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found, form = _find(request, pk), well_formed(PromoteForm(request.POST), labelled=True)
    services.promote(found, actor=account_of(request), **form.cleaned_data)
    return redirect(found.deployment)
