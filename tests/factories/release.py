"""Deployments, signed for where their tier asks, and taken out under a signature."""

from mrm.deployment import services
from mrm.deployment.models import Deployment, Revision
from mrm.deployment.queries import release_request
from tests.factories.access import PASSWORD, Cast, fresh, with_password
from tests.factories.signing import sign


def released(cast: Cast, revision: Revision) -> Revision:
    """The revision as it is when a risk officer has signed for it."""
    asked = release_request(revision)
    if asked is not None:
        sign(asked, cast.officer)
    revision.refresh_from_db()
    return revision


def taken_out(cast: Cast, deployment: Deployment, reason: str) -> Revision:
    """Nothing wanted there any more, signed by the deployer."""
    signer = with_password(fresh(cast.deployer))
    _, token = services.compose_stop(deployment, reason=reason, actor=signer)
    return services.stop(deployment, token=token, password=PASSWORD, actor=signer)
