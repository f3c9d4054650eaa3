"""Named changes to runs and to what may be run; the work itself is in `carry`, `converting`, `inspecting` and `scanning`, which only workers load."""

from mrm.evaluation.services.choosing import decide_alternative, propose_alternative
from mrm.evaluation.services.comparing import (
    cancel_comparison,
    compare,
    complete_comparison,
    fail_comparison,
    give_up_comparison,
)
from mrm.evaluation.services.conversion import complete_conversion, convert, fail_conversion, give_up_conversion
from mrm.evaluation.services.inspection import (
    ask_inspection,
    give_up_inspection,
    inspect_after_attach,
    record_inspection,
)
from mrm.evaluation.services.permission import (
    give_up_scan,
    grant,
    permit_execution,
    refuse,
    withdraw_permission,
)
from mrm.evaluation.services.run import (
    KINDS,
    LEARNERS,
    MOST_SEGMENTS,
    SIDES,
    cancel,
    complete,
    fail,
    give_up,
    start,
)

__all__ = [
    "KINDS",
    "LEARNERS",
    "MOST_SEGMENTS",
    "SIDES",
    "ask_inspection",
    "cancel",
    "cancel_comparison",
    "compare",
    "complete",
    "complete_comparison",
    "complete_conversion",
    "convert",
    "decide_alternative",
    "fail",
    "fail_comparison",
    "fail_conversion",
    "give_up",
    "give_up_comparison",
    "give_up_conversion",
    "give_up_inspection",
    "give_up_scan",
    "grant",
    "inspect_after_attach",
    "permit_execution",
    "propose_alternative",
    "record_inspection",
    "refuse",
    "start",
    "withdraw_permission",
]  # fmt: skip
