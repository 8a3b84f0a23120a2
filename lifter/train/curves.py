"""What a run leaves to look at: log.csv, a row a check, and curves.png drawn from it."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

from ..contract.files import replacing

AXES = ("step", "epoch", "minutes", "rate")  # columns that are no curve


class Curves:
    """Means of the loss terms since the last row, and the rows of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sums: dict[str, float] = defaultdict(float)
        self._count = 0

    def add(self, terms: dict[str, float]) -> None:
        """Count one step."""
        for name, value in terms.items():
            self._sums[name] += value
        self._count += 1

    def write(self, row: dict[str, Any]) -> str:
        """Append a row with the means, redraw the picture; returns the row as a line of text."""
        means = {f"train_{name}": value / self._count for name, value in self._sums.items()}
        self._sums.clear()
        self._count = 0
        row = {k: f"{v:.5g}" if isinstance(v, float) else v for k, v in {**row, **means}.items()}
        path = self._folder / "log.csv"
        rows = [*self._read(path), row]
        with replacing(path) as part, part.open("w", newline="") as stream:  # whole: a later row may have more columns
            writer = csv.DictWriter(stream, list(dict.fromkeys(k for r in rows for k in r)))
            writer.writeheader()
            writer.writerows(rows)
        _draw(rows, self._folder / "curves.png")
        return " ".join(f"{key} {value}" for key, value in row.items())

    def _read(self, path: Path) -> list[dict[str, Any]]:
        if not path.is_file():
            return []
        with path.open(newline="") as stream:
            return list(csv.DictReader(stream))


def _draw(rows: list[dict[str, Any]], path: Path) -> None:
    """One panel for each figure, over the epochs."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return
    names = [name for name in dict.fromkeys(k for r in rows for k in r) if name not in AXES]
    columns = min(len(names), 4)
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.4 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    for i, name in enumerate(names):
        axes = figure.add_subplot(lines, columns, i + 1)
        points = [(float(r["epoch"]), float(r[name])) for r in rows if r.get(name) not in (None, "")]
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, linewidth=1)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("epoch", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)
