"""From what a setting says to the place itself."""

from mrm.audit.anchors.anchorage import Anchorage, AnchorProblem
from mrm.audit.anchors.folder import Folder
from mrm.audit.anchors.places import FOLDER, TIME_STAMP, Place
from mrm.audit.anchors.witness import Witness


def opened(place: Place) -> Anchorage:
    """The place, ready to be asked; nothing is sent yet."""
    if place.kind == FOLDER:
        return Folder(place)
    if place.kind != TIME_STAMP:
        return Witness(place)
    try:
        from mrm.audit.anchors.timestamp import Timestamp  # noqa: PLC0415  needs a package that only this kind needs
    except ImportError as error:
        raise AnchorProblem(
            "Time stamps need the package rfc3161-client: install the application with its extra, mrm[anchors]."
        ) from error
    return Timestamp(place)
