"""Print what a page weighs and what writing it takes, for 1, 10 and 100 cases; and what loading the libraries that draw it takes."""

import subprocess
import sys
import time

from gate.report.page import write
from tests import dossiers

ALLOWED = 1_000_000  # bytes of a page of 100 cases
LOADED = {"jinja2": "jinja2", "matplotlib": "matplotlib.figure, matplotlib.backends.backend_svg", "squarify": "squarify"}
_TIMED = "import time; began = time.process_time(); import {}; print(time.process_time() - began)"


def main() -> int:
    """Load each library in a process of its own, write pages, print; return 1 when a page is too large."""
    print(f"{'loading':<24}{'CPU s':>8}")
    for name, modules in LOADED.items():
        ran = subprocess.run([sys.executable, "-c", _TIMED.format(modules)], capture_output=True, text=True, check=True)
        print(f"{name:<24}{float(ran.stdout):>8.2f}")
    print(f"\n{'cases':>5}{'of which leak':>15}{'bytes':>10}{'plots':>7}{'not drawn':>11}{'CPU s':>8}")
    write(dossiers.crowd(1, failing=1))  # what is made ready once is ready then
    largest = 0
    for cases, failing in ((1, 0), (10, 1), (100, 5), (100, 100)):
        made = dossiers.crowd(cases, failing=failing)
        began = time.process_time()
        page = write(made)
        took = time.process_time() - began
        largest = max(largest, len(page.encode()))
        drawn, left = page.count("data-plot="), page.count("Not drawn: ")
        print(f"{cases:>5}{failing:>15}{len(page.encode()):>10,}{drawn:>7}{left:>11}{took:>8.2f}")
    return int(largest >= ALLOWED)
