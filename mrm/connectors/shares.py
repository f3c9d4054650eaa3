"""Shares of the traffic at backends that count in whole percents."""

from .errors import Invalid

PERCENT = 100  # basis points


def whole_percent(basis_points: int, who: str) -> int:
    """The share in percent; Invalid where it would have to be rounded."""
    if basis_points % PERCENT:
        raise Invalid(f"{who} takes whole percents, not {basis_points} basis points; choose a multiple of 100.")
    return basis_points // PERCENT


def basis_points(percent: object) -> int:
    """A percentage as the backend shows it; nothing where it shows none."""
    return percent * PERCENT if isinstance(percent, int) and not isinstance(percent, bool) else 0
