"""Look at a printed file before it is issued: what it says of itself, its structure, its attachments."""

import io

import pikepdf

from mrm.core.refusal import Refused

_PDFA = "http://www.aiim.org/pdfa/ns/id/"


def check(pdf: bytes, attached: dict[str, bytes]) -> int:
    """The number of pages of a file that declares PDF/A-3a, is tagged, names its language, and holds the files unchanged."""
    with pikepdf.open(io.BytesIO(pdf)) as found:
        faults = [sentence for sentence in (_declares(found), _structure(found), _holds(found, attached)) if sentence]
        if faults:
            raise Refused(f"The printed file was not issued: {' '.join(faults)}")
        return len(found.pages)


def _declares(pdf: pikepdf.Pdf) -> str:
    with pdf.open_metadata() as metadata:
        part, conformance = metadata.get(f"{{{_PDFA}}}part"), metadata.get(f"{{{_PDFA}}}conformance")
        title = metadata.get("{http://purl.org/dc/elements/1.1/}title")
    if (part, conformance) != ("3", "A"):
        return f"It declares PDF/A part {part}, conformance {conformance}."
    return "" if title else "It has no title."


def _structure(pdf: pikepdf.Pdf) -> str:
    root = pdf.Root
    if not root.get("/MarkInfo", pikepdf.Dictionary()).get("/Marked", False) or "/StructTreeRoot" not in root:
        return "It is not tagged."
    return "" if str(root.get("/Lang", "")) else "It does not name its language."


def _holds(pdf: pikepdf.Pdf, attached: dict[str, bytes]) -> str:
    for name, content in attached.items():
        if name not in pdf.attachments:
            return f"{name} is not attached."
        if pdf.attachments[name].get_file().read_bytes() != content:
            return f"{name} was attached changed."
    return ""
