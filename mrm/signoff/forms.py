"""What a signer writes, as clean values."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from mrm.access.forms import PersonField
from mrm.access.models import Account, Method, Person
from mrm.access.queries import persons_named_to
from mrm.core.packs import PackFile, parse
from mrm.core.refusal import Invalid
from mrm.signoff.models import Decision, Gate, Request

LINES = {"rows": 2}
MOST_BYTES = 256 * 1024
# what is decided with a rationale alone, and so beside other requests
PLAIN_DECISIONS = (Decision.APPROVE, Decision.RETURN, Decision.REJECT)


class DecisionForm(forms.Form):
    """The decision with its rationale; conditions stand in rows beside it."""

    decision = forms.ChoiceField(
        choices=Decision.choices, error_messages={"required": "Choose one of the decisions offered."}
    )
    rationale = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 5}), error_messages={"required": "It goes into the record; say why."}
    )
    same = forms.MultipleChoiceField(required=False)
    on_behalf_of = forms.ChoiceField(label="You sign", required=False)

    def __init__(
        self, *args: Any, draft: str = "", same: Iterable[str] = (), principals: Iterable[Person] = (),
        himself: bool = True, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        own = [("", "for yourself")] if himself else []
        stood_for = [(str(person.pk), f"in the place of {person.name}") for person in principals]
        self.fields["on_behalf_of"].choices = own + stood_for  # type: ignore[attr-defined]
        self.fields["rationale"].widget.attrs["data-draft"] = draft
        self.fields["same"].choices = [(key, key) for key in same]  # type: ignore[attr-defined]

    def take(self, fault: Invalid) -> None:
        """Put the service's sentences beside the fields they are about."""
        for name, sentences in (fault.fields or {"": []}).items():
            self.add_error(
                name if name in self.fields else None, [*(sentences if name in self.fields else fault.reasons)]
            )


class SingleForm(forms.Form):
    """The decision on one of several requests with its own rationale; left empty, the request stays as it is."""

    decision = forms.ChoiceField(
        required=False,
        choices=[choice for choice in Decision.choices if choice[0] in PLAIN_DECISIONS],
        error_messages={"invalid_choice": "Choose one of the decisions offered here."},
    )
    rationale = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if self.errors:
            return given
        if given["decision"] and not given["rationale"]:
            self.add_error("rationale", "It goes into the record; say why.")
        elif given["rationale"] and not given["decision"]:
            self.add_error("decision", "Choose a decision, or take the rationale away to leave this request as it is.")
        return given

    @property
    def is_left(self) -> bool:
        """Whether nothing was decided here."""
        return not self.cleaned_data.get("decision")


class ConditionForm(forms.Form):
    """One condition; what a policy demands of it is checked where it is signed."""

    text = forms.CharField(label="What must be done", required=False, widget=forms.Textarea(attrs=LINES))
    gate = forms.ChoiceField(label="Stands in for", required=False)
    owner = forms.EmailField(label="Owner, by e-mail address", required=False)
    due = forms.DateField(label="Due", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    evidence = forms.CharField(label="Shown by", required=False, widget=forms.TextInput)

    def __init__(self, *args: Any, gates: Iterable[Gate] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = [(gate.key, gate.title) for gate in gates if gate.waivable]
        self.fields["gate"].choices = [("", "No gate"), *known]  # type: ignore[attr-defined]

    @property
    def condition(self) -> dict[str, str] | None:
        """The condition as it is signed, or None when the row was left empty."""
        given = {name: self.cleaned_data.get(name) for name in self.fields}  # an untouched row has no clean values
        if not (given["text"] or given["owner"] or given["evidence"]):
            return None
        due = given.pop("due")
        return {name: str(value or "").strip() for name, value in given.items()} | {
            "due": due.isoformat() if due else ""
        }


Conditions = forms.formset_factory(ConditionForm, extra=0, max_num=10)


def condition_rows(missing: Iterable[Gate], due: dt.date, *, at_least: int = 3) -> list[dict[str, Any]]:
    """What the rows hold at first: one for each missing gate that a condition may stand in for."""
    rows: list[dict[str, Any]] = [{"gate": gate.key, "due": due} for gate in missing if gate.waivable]
    return rows + [{"due": due}] * max(0, at_least - len(rows))


class SignForm(forms.Form):
    """The statement's token, and one way to confirm who signs it."""

    token = forms.CharField(widget=forms.HiddenInput)
    method = forms.ChoiceField(choices=Method.choices, required=False)
    password = forms.CharField(
        label="Your password",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label="The code your app shows",
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "maxlength": 10}),
    )
    answer = forms.JSONField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Of what was given, only what belongs to the way that was chosen."""
        values = super().clean() or {}
        method = values.pop("method", "") or Method.PASSWORD
        field, lacking = {
            Method.PASSWORD: ("password", "Type your password; nothing was signed."),
            Method.TOTP: ("code", "Type the code that your authenticator app shows; nothing was signed."),
            Method.WEBAUTHN: ("answer", "Your security key gave no answer; nothing was signed."),
        }[Method(method)]
        if not values.get(field) and field not in self.errors:
            self.add_error(field, lacking)
        return {name: value for name, value in values.items() if name in ("token", field)}


class SeriesForm(forms.Form):
    """The one thing that confirms who signs each of several statements."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Type your password; nothing was signed."},
    )


class QuestionForm(forms.Form):
    text = forms.CharField(label="What do you need to know?", widget=forms.Textarea(attrs=LINES))


class AnswerForm(forms.Form):
    text = forms.CharField(label="Your answer", widget=forms.Textarea(attrs=LINES))


class RecusalForm(forms.Form):
    reason = forms.CharField(label="What is the conflict of interest?", widget=forms.Textarea(attrs=LINES))


class DelegationForm(forms.Form):
    """Who stands in, from when until when, and why."""

    to: "forms.ModelChoiceField[Person]" = PersonField(label="Who stands in for you", queryset=None)
    since = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="Until the end of", widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(label="Why", widget=forms.Textarea(attrs=LINES), help_text="Such as an absence.")

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].queryset = persons_named_to(account)  # type: ignore[attr-defined]

    def period(self) -> dict[str, dt.datetime]:
        """The moments between which it runs: today's begins now, the last day is run to its end."""
        since, until = self.cleaned_data["since"], self.cleaned_data["until"]
        begins = timezone.now() if since == timezone.localdate() else _midnight(since)
        return {"since": begins, "until": _midnight(until + dt.timedelta(days=1))}


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time.min))


class CommentForm(forms.Form):
    text = forms.CharField(label="Add to the discussion", widget=forms.Textarea(attrs=LINES))


class PolicyForm(forms.Form):
    """A policy as text, typed or from a file, with the reason for the change."""

    text = forms.CharField(
        label="The policy",
        required=False,
        widget=forms.Textarea(attrs={"rows": 34, "spellcheck": "false", "class": "form-control code"}),
    )
    file = forms.FileField(label="Or from a file", required=False, help_text="YAML, as it is exported here.")
    reason = forms.CharField(label="Why it is changed", widget=forms.Textarea(attrs=LINES))

    pack: PackFile

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if file := given.get("file"):
            try:
                given["text"] = file.read(MOST_BYTES).decode()
            except UnicodeDecodeError:
                self.add_error("file", "This file is no text; export a policy to see the form.")
                return given
        try:
            self.pack = parse(given.get("text") or "", "The policy")
        except Invalid as fault:
            self.add_error("text", list(fault.reasons))
        return given

    def read(self) -> dict[str, Any] | Invalid:
        """The text as it stands, as data; or what is wrong with its form."""
        text = str(self.data.get("text") or "") if self.is_bound else str(self.initial.get("text") or "")
        try:
            return parse(text, "The policy").content
        except Invalid as fault:
            return fault


def _named(obj: Request) -> str:
    return f"{obj.ref}: {obj.subject_label}, {obj.get_status_display().lower()}"


class TrialForm(forms.Form):
    """The past request on which a policy is tried."""

    request: "forms.ModelChoiceField[Request]" = forms.ModelChoiceField(
        label="Past request", queryset=None, required=False, empty_label="Choose one"
    )

    def __init__(self, *args: Any, past: QuerySet[Request], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["request"]
        assert isinstance(chosen, forms.ModelChoiceField)
        chosen.queryset = Request.objects.filter(pk__in=[each.pk for each in past]).order_by("-number")
        chosen.label_from_instance = _named  # type: ignore[method-assign]


class WithdrawForm(forms.Form):
    reason = forms.CharField(label="Why it is withdrawn", widget=forms.Textarea(attrs=LINES))
