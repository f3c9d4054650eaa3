"""What already runs at a place and is taken over: sentences why not, or None."""

from mrm.connectors.protocol import Cap


def cannot_adopt(place: str, connector: str, caps: Cap) -> str | None:
    """Only what a place lets us see by its bytes, and change without a break, is taken over."""
    if Cap.ADOPT not in caps:
        return (
            f"{place} lets nothing be taken over: its connector {connector} does not offer it. Open an endpoint of"
            " another name there, deploy to it, and have its callers move."
        )
    return None


def managed_already(place: str, endpoint: str, there: bool) -> str | None:
    """An endpoint is taken over once."""
    if there:
        return f"{endpoint} at {place} is managed here already: deploy to it."
    return None


def nothing_there(place: str, endpoint: str, exists: bool) -> str | None:
    """There is something to take over only where something serves."""
    return None if exists else f"{place} serves nothing at {endpoint}: open the endpoint, and deploy to it."


def bytes_unknown(label: str, digest: str | None, model: str) -> str:
    """What serves is known by its bytes alone; a name or a number is no proof."""
    if digest is None:
        return f"The place does not show the bytes of {label}, so nothing proves what it is; deploy over it instead."
    return (
        f"No version of {model} has the bytes {digest[:12]}… that serve there as {label}: register them as a version,"
        " have it approved, then take it over."
    )


def not_ready(label: str, ready: bool, reason: str) -> str | None:
    """What does not answer is not taken over."""
    return None if ready else f"{label} does not answer there: {reason or 'it is not ready'}"
