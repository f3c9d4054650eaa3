"""The printing process: one order in, one PDF out, and it ends.

Run as a file, never imported by the application: it knows neither Django nor the database. It limits itself
before anything is loaded, reads one JSON order from standard input, and answers with one JSON line: the number
of pages, or an error with its cause. Pages may load type and style sheets from one folder, and nothing else.
"""

import gc
import json
import re
import resource
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

TYPES = {".css": "text/css", ".woff2": "font/woff2"}
PLAIN_PATH = re.compile(r"M[MLCz\d\s.-]+")
PATH_STEP = re.compile(r"([MLCz])([^MLCz]*)")
OPERATORS = {"M": "m", "L": "l", "C": "c", "z": "h"}
IMAGES = ("data:image/svg+xml;", "data:image/png;")


class Refusal(Exception):
    """The page asked for something that is not one of its assets."""


def main() -> int:
    order = json.loads(sys.stdin.readline())
    confine(order["memory_mb"], order["cpu_s"])
    answer: dict[str, Any]
    try:
        answer = {"pages": print_pdf(order)}
    except MemoryError:
        answer = {"cause": "memory"}
    except Refusal as refusal:
        answer = {"cause": "refused", "error": str(refusal)}
    except Exception as error:  # the parent turns every cause into a sentence
        text = f"{type(error).__name__}: {error}"
        cause = "memory" if "allocate" in text or "bad_alloc" in text or "MemoryError" in text else "failed"
        answer = {"cause": cause, "error": text[:500]}
    print(json.dumps(answer))  # noqa: T201  the answer's channel
    return 0 if "pages" in answer else 1


def confine(memory_mb: int, cpu_s: int) -> None:
    """Bound memory and processor time, and leave no core file behind."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def print_pdf(order: dict[str, Any]) -> int:
    """Lay out and write the file with everything embedded; gives the number of pages."""
    from weasyprint import HTML, Attachment  # noqa: PLC0415  limits come first
    from weasyprint.urls import FatalURLFetchingError  # noqa: PLC0415

    gc.freeze()  # the program itself stays; of a page next to nothing goes before the end
    gc.set_threshold(100_000, 50, 1_000)
    draw_plain_paths_at_once()
    fetcher = asset_fetcher(Path(order["assets"]))
    page = HTML(filename=order["html"], base_url=f"{Path(order['assets']).as_uri()}/", url_fetcher=fetcher)
    try:
        document = page.render()
    except FatalURLFetchingError as error:
        raise Refusal(str(error)) from error
    files = [
        Attachment(
            string=Path(entry["path"]).read_bytes(),
            name=entry["name"],
            description=entry["description"],
            relationship=entry["relationship"],
        )
        for entry in order["attachments"]
    ]
    document.metadata.attachments = files
    document.write_pdf(order["target"], pdf_variant="pdf/a-3a", finisher=compress_side_by_side)
    return len(document.pages)


def compress_side_by_side(_: Any, pdf: Any) -> None:
    """Compress every stream at zlib's usual level, two at a time: the highest takes thrice as long for two hundredths of the size."""
    from pydyf import Stream  # noqa: PLC0415  limits come first

    streams = [each for each in pdf.objects if isinstance(each, Stream) and each.compress]
    with ThreadPoolExecutor(max_workers=2) as pool:
        for stream, packed in zip(streams, pool.map(_packed, streams), strict=True):
            stream.stream, stream.compress = [packed], False
            stream.extra["Filter"] = "/FlateDecode"


def _packed(stream: Any) -> bytes:
    from pydyf import _to_bytes  # noqa: PLC0415  limits come first

    return zlib.compress(b"\n".join(_to_bytes(item) for item in stream.stream))


def draw_plain_paths_at_once() -> None:
    """A path of moves, lines and curves in plain numbers is written as it stands: print has the same steps, behind their numbers.

    Drawings hold some hundred thousand of them, and reading one by one takes half of the time; any other path is drawn as ever.
    """
    from weasyprint import svg  # noqa: PLC0415  limits come first

    usual = svg.TAGS["path"]

    def draw(drawing: Any, node: Any, font_size: float) -> None:
        steps = node.get("d") or ""
        if PLAIN_PATH.fullmatch(steps) is None or any(node.get(f"marker-{where}") for where in ("start", "mid", "end")):
            usual(drawing, node, font_size)
        else:
            drawing.stream.stream.append(" ".join(PATH_STEP.sub(_behind, steps).split()).encode())

    svg.TAGS["path"] = draw


def _behind(step: re.Match[str]) -> str:
    return f" {step[2]} {OPERATORS[step[1]]} "


def asset_fetcher(folder: Path) -> Any:
    """A fetcher for style sheets and type inside `folder` and for images that travel inside the page."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcher  # noqa: PLC0415  limits come first

    root = folder.resolve()

    class Assets(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url.startswith(IMAGES) or _asset(url, root):
                return super().fetch(url, headers)
            raise FatalURLFetchingError(f"the page asked for {url[:120]}, which is not one of its assets")

    return Assets(allowed_protocols=("data", "file"), allow_redirects=False)


def _asset(url: str, root: Path) -> bool:
    """Whether the address is a style sheet or a font inside the folder, links and dots resolved."""
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc:
        return False
    path = Path(unquote(parts.path)).resolve()
    return path.is_relative_to(root) and path.suffix in TYPES and path.is_file()


if __name__ == "__main__":
    sys.exit(main())
