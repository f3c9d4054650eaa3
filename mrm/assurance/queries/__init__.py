"""Named reads: the state of the log, exports in reach, a model as it was known on a day, and the reports on duties."""

from mrm.assurance.queries.exports import LogState, log_state, visible_to, waiting_like
from mrm.assurance.queries.holders import (
    Holding,
    all_holdings,
    holdings,
    moment_of,
    no_grants,
    open_persons,
    persons_by_role,
    role_grants,
)
from mrm.assurance.queries.past import Past, model_as_of

__all__ = [
    "Holding",
    "LogState",
    "Past",
    "all_holdings",
    "holdings",
    "log_state",
    "model_as_of",
    "moment_of",
    "no_grants",
    "open_persons",
    "persons_by_role",
    "role_grants",
    "visible_to",
    "waiting_like",
]
