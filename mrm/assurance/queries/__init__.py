"""Named reads: the state of the log, exports in reach, a model as it was known on a day, and the reports on duties."""

from mrm.assurance.queries.ageing import (
    Pace,
    Waiting,
    all_waiting,
    audited_requests,
    decided_of,
    open_of,
    overdue_of,
    paces,
    waiting,
)
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
    "Pace",
    "Past",
    "Waiting",
    "all_holdings",
    "all_waiting",
    "audited_requests",
    "decided_of",
    "holdings",
    "log_state",
    "model_as_of",
    "moment_of",
    "no_grants",
    "open_of",
    "open_persons",
    "overdue_of",
    "paces",
    "persons_by_role",
    "role_grants",
    "visible_to",
    "waiting",
    "waiting_like",
]
