"""Check the system libraries that pip cannot bring; install them where we may, else say the one command."""

import ctypes.util
import os
import shutil
import subprocess
import sys

PACKAGES = {
    "pango": ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz0b", "libharfbuzz-subset0"],
    "openmp": ["libgomp1"],
    "fonts": ["fonts-dejavu-core", "fontconfig"],
    "browser": ["chromium"],
    "pdf": ["poppler-utils"],
}


def present(what: str) -> bool:
    if what == "pango":
        return all(
            ctypes.util.find_library(name) for name in ("pango-1.0", "pangoft2-1.0", "harfbuzz", "harfbuzz-subset")
        )
    if what == "openmp":  # LightGBM's wheel brings none
        return bool(ctypes.util.find_library("gomp"))
    if what == "fonts":
        listed = shutil.which("fc-list") and subprocess.run(["fc-list"], capture_output=True, check=False).stdout
        return bool(listed)
    if what == "pdf":  # tests read the reports as others do
        return bool(shutil.which("pdftotext"))
    return bool(shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome"))


def main(wanted: list[str]) -> int:
    missing = [what for what in wanted if not present(what)]
    if not missing:
        return 0
    packages = sorted({package for what in missing for package in PACKAGES[what]})
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {', '.join(packages)}", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(command, check=False, **quiet)
        missing = [what for what in missing if not present(what)]
    needed = [what for what in missing if what != "browser"]
    if "browser" in missing:
        print(f"NO BROWSER: the journeys are skipped. Install one with: sudo apt-get install {PACKAGES['browser'][0]}")
    if needed:
        print(f"Missing: {', '.join(needed)}. Run: sudo apt-get install {' '.join(packages)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
