from django import forms
from django.core.signing import BadSignature, TimestampSigner
from django.utils.translation import gettext_lazy as _

from mrm.access.models import Account

SALT = "inventory.import"
KEPT_FOR = 60 * 60


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("CSV file"), help_text=_("UTF-8, a header, at most 20,000 rows. Nothing is entered yet.")
    )


class ApplyForm(forms.Form):
    """Which file was judged; signed for the account, so that nobody names another's file."""

    kept = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: object, account: Account, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.signer = TimestampSigner(salt=f"{SALT}:{account.pk}")

    def seal(self, sha256: str) -> str:
        return self.signer.sign(sha256)

    def clean_kept(self) -> str:
        try:
            return self.signer.unsign(self.cleaned_data["kept"], max_age=KEPT_FOR)
        except BadSignature as error:
            raise forms.ValidationError(_("The dry run is too old; send the file again.")) from error
