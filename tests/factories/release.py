"""Deployments, signed for where their tier asks, and taken out under a signature."""

from mrm.deployment import services
from mrm.deployment.models import Deployment, Experiment, Revision, Target
from mrm.deployment.policies import Share
from mrm.deployment.queries import release_request
from mrm.deployment.services.record import settle
from mrm.inventory.models import Version
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


def under_experiment(cast: Cast, first: Version, second: Version, place: Target) -> Experiment:
    """Two versions at an endpoint of which a worker said that they serve, compared."""
    opened = services.create(first.model, target=place, endpoint="compared", actor=cast.deployer)
    shares = [Share(first, "champion", 5_000), Share(second, "challenger", 5_000)]
    split = services.change_traffic(opened, shares=shares, unit_field="customer", actor=cast.deployer)
    settle(released(cast, split), verification={"observed": {}}, actor=cast.deployer)
    return services.register_experiment(
        opened, metric="Paid back", higher_is_better=True, base_rate=0.5, smallest_effect=0.2, horizon=200, looks=4,
        stop_rules="At a limit.", actor=cast.deployer,
    )  # fmt: skip
