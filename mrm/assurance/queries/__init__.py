"""Named reads: the state of the log, exports in reach, and a model as it was known on a day."""

from mrm.assurance.queries.exports import LogState, log_state, visible_to, waiting_like
from mrm.assurance.queries.past import Past, model_as_of

__all__ = ["LogState", "Past", "log_state", "model_as_of", "visible_to", "waiting_like"]
