"""What the provider says about its people, from files that a test may change."""

import json
from typing import Any

from django.conf import settings
from oauth2_provider.oauth2_validators import OAuth2Validator


class Claims(OAuth2Validator):  # type: ignore[misc]
    oidc_claim_scope = None

    def get_additional_claims(self, request: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(settings.PEOPLE.read_text())[request.user.username]
        return {"sub": f"subject-{request.user.username}", **found}

    def finalize_id_token(self, id_token: dict[str, Any], *given: Any) -> Any:
        told = json.loads(settings.TOLD.read_text()) if settings.TOLD.exists() else {}
        return super().finalize_id_token({**id_token, **told}, *given)

    def get_id_token_dictionary(self, *given: Any) -> Any:
        claims, ends = super().get_id_token_dictionary(*given)
        told = json.loads(settings.TOLD.read_text()) if settings.TOLD.exists() else {}
        return {**claims, **told}, ends
