"""The product's own type for drawings; only workers load it."""

from functools import cache

from django.conf import settings
from django.contrib.staticfiles import finders
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from mrm.core.refusal import Refused
from mrm.measures.charts import register_font

# face and the weight by which a drawing asks for it: its bold is our semibold
FACES = {"Inter-Regular": 400, "Inter-SemiBold": 700}
_FAMILY = 1


@cache
def use_own_type() -> None:
    """Unpack the web fonts once per process: the drawing library reads no compressed ones, and sorts faces by family."""
    folder = settings.DATA_DIR / "fonts"
    folder.mkdir(parents=True, exist_ok=True)
    for face, weight in FACES.items():
        source = finders.find(f"vendor/{face}.woff2")
        if source is None:
            raise Refused(f"The font {face} is not among the static files; the installation is incomplete.")
        target = folder / f"{face}.ttf"
        with TTFont(source) as font:
            font.flavor = None
            font["OS/2"].usWeightClass = weight
            for record in font["name"].names:
                if record.nameID == _FAMILY:
                    record.string = "Inter"
            font.save(target)
        register_font(target)
