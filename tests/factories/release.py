"""Deployments, signed for where their tier asks."""

from mrm.deployment.models import Revision
from mrm.deployment.queries import release_request
from tests.factories.access import Cast
from tests.factories.signing import sign


def released(cast: Cast, revision: Revision) -> Revision:
    """The revision as it is when a risk officer has signed for it."""
    asked = release_request(revision)
    if asked is not None:
        sign(asked, cast.officer)
    revision.refresh_from_db()
    return revision
