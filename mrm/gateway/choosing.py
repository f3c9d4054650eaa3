"""Who may answer: the version whose turn it is, unless it is not ready, not allowed any more, or passed over."""

from .approvals import Approvals
from .case import Case
from .endpoint import Loaded
from .refusal import MANUAL, Refused
from .segment import Found


def choose(case: Case, approvals: Approvals) -> None:
    """Leave the case with a version that may answer it, or refuse it. Golden rows go to the version they name."""
    item = case.item
    if not item.able:
        to_backup(case, approvals, "not_ready", f"{_name(item)} is not ready: {item.reason}")
        return
    if case.probe:
        return
    if fallen := approvals.fallen(item.variant.approval_id):
        on_withdrawn = case.endpoint.rules.on_withdrawn
        if on_withdrawn == "stop":
            raise Refused(503, f"{_name(item)} may not be used. {fallen.sentence}", MANUAL)
        if on_withdrawn == "backup":
            reason = f"{_name(item)} may not be used. {fallen.sentence}"
            to_backup(case, approvals, f"approval_{fallen.standing}", reason)
            return
        case.flags.append(f"approval_{fallen.standing}")
        case.reason = fallen.sentence
    if item.breaker and item.breaker.open:
        to_backup(case, approvals, "failed_over", f"{_name(item)}: {item.breaker.told()}")


def _name(item: Loaded) -> str:
    return f"Version {item.variant.version}"


def to_backup(case: Case, approvals: Approvals, flag: str, reason: str) -> None:
    """Let the backup answer; where it may not, or a version was asked by name, a person must decide."""
    backup, case.reason = case.endpoint.backup, reason
    case.flags.append(flag)
    if case.asked.version is not None or case.on_backup or backup is None or not backup.able:
        raise Refused(503, reason, MANUAL)
    if backup.breaker and backup.breaker.open:
        raise Refused(503, f"{reason} The backup is passed over as well. {backup.breaker.told()}", MANUAL)
    if fallen := approvals.fallen(backup.variant.approval_id):
        raise Refused(503, f"{reason} The backup may not be used either. {fallen.sentence}", MANUAL)
    case.item = backup


def keep_within(case: Case, approvals: Approvals, found: Found) -> None:
    """Do with the whole request what the strictest rule asks that one of its rows breaks."""
    if not found.outside:
        return
    case.flags += [f"outside:{rule}" for rule, _ in found.rows or ()]
    case.reason = found.reason
    if case.probe or found.action == "flag":
        return
    if found.action == "refuse":
        raise Refused(422, found.reason, "out_of_segment", out_of_segment=[each.told() for each in found.outside])
    to_backup(case, approvals, "out_of_segment", found.reason)
