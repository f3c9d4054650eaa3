"""What is written when an approval is asked for, ended, or a condition accepted."""

from django import forms

LINES = {"rows": 2}


class SubmitForm(forms.Form):
    note = forms.CharField(label="A note to the signers", required=False, widget=forms.Textarea(attrs=LINES))


class WithdrawForm(forms.Form):
    reason = forms.CharField(label="Why the approval ends", widget=forms.Textarea(attrs=LINES))


class ReopenForm(forms.Form):
    reason = forms.CharField(label="What will be worked on", widget=forms.Textarea(attrs=LINES))


class MeetForm(forms.Form):
    note = forms.CharField(label="What was seen", widget=forms.Textarea(attrs=LINES))
