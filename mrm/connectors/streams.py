"""What a store gives in chunks, taken as lines or as a digest."""

import hashlib
from collections.abc import Iterable, Iterator

from .errors import Invalid


def lines(chunks: Iterable[bytes], name: str, longest: int) -> Iterator[bytes]:
    """Line by line, without the ends of the lines; Invalid, by the name of the stream, over `longest` bytes in one."""
    left = b""
    for chunk in chunks:
        *whole, left = (left + chunk).split(b"\n")
        yield from whole
        if len(left) > longest:
            raise Invalid(f"{name} has a line longer than {longest >> 20} MiB.")
    if left:
        yield left


def sha256(chunks: Iterable[bytes]) -> str:
    """Of all the bytes, in hexadecimal."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
