"""A drawing goes to print with its lines of text as outlines, and looks the same there."""

import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

from mrm.measures import charts
from mrm.reporting.services.pages.outlines import outlined
from mrm.reporting.services.pages.words import image
from mrm.reporting.services.printing import print_report

PAGE = '<!doctype html><html lang="en"><head><title>Drawing</title></head><body><img src="{}" alt="Bars"></body></html>'


def printed(svg: bytes, folder: Path) -> np.ndarray:
    (folder / "page.pdf").write_bytes(print_report(PAGE.format(image(svg)), []))
    subprocess.run(["pdftoppm", "-r", "60", "-png", "-singlefile", folder / "page.pdf", folder / "page"], check=True)
    return np.asarray(Image.open(folder / "page.png").convert("L"), dtype=int)


def test_a_drawing_looks_the_same_with_its_text_as_outlines(tmp_path: Path) -> None:
    bars = [charts.Bar("Quickly read", 0.4, note="1,024", heading="Women"), charts.Bar("Jáva & Æ", 1.0, note="7")]
    drawing = charts.draw_shares(bars, "light").encode()
    made = outlined(drawing)
    assert drawing.count(b"<use") > 20
    assert made.count(b"use ") < 10
    seen, again = printed(drawing, tmp_path), printed(made, tmp_path)
    assert (seen < 250).mean() > 0.005
    assert (np.abs(seen - again) > 40).sum() < 0.02 * (seen < 250).sum()
    assert outlined(made) == made
