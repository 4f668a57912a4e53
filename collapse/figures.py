"""One style for every figure, and the few things that figures of several chapters draw.

Simulation is a line (the median chain) in a band that holds the middle share of the chains; theory
is black and dashed. A colour means the same thing in every chapter.
"""

import io
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

COLOURS = dict(
    zip(
        ("reality", "ddof=1", "ddof=0", "replace", "accumulate", "subsample", "printed", "other"),
        (sns.color_palette("colorblind", 10).as_hex()[i] for i in (2, 0, 1, 0, 4, 5, 3, 7)),
        strict=True,
    )
)
# what an autoencoder hands on, see companion.experiments.digits
COLOURS |= dict(
    zip(
        ("fresh", "means", "draws", "real"),
        (sns.color_palette("colorblind", 10).as_hex()[i] for i in (9, 0, 1, 4)),
        strict=True,
    )
)
COLOURS_OF_LAYERS = sns.color_palette("colorblind", 7).as_hex()
WIDTH = 6.0


def use_style():
    """Set the style of all figures of a chapter."""
    sns.set_theme(style="ticks", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.dpi": 220,  # twice the width of the page
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "font.size": 11,
        }
    )
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell:  # a notebook stores, beside a figure, the numbers that it draws
        bundles = shell.display_formatter.mimebundle_formatter
        bundles.for_type(Figure, lambda fig, **_: {"text/csv": csv(fig)})


def save(fig, file, **options):
    """Write a figure to a file, with `options` of matplotlib's savefig, and close it."""
    fig.savefig(file, **options)
    plt.close(fig)


def svg(fig):
    """Return a figure as the text of an SVG element, and close it."""
    file = io.StringIO()
    save(fig, file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    return text[text.index("<svg") :]


def csv(fig):
    """Return the `data` of a figure as text, to six digits."""
    return data(fig).to_csv(index=False, float_format="%.6g")


def data(fig):
    """Return what a figure draws as a tidy frame: columns panel, kind, label, x, y and value.

    A row for each vertex of a line, band or outline, for each point, for each bar (its middle and
    its top), and for each cell of a picture, whose number is its `value`. Panels count from 0.
    """
    frames = []
    for panel, ax in enumerate(fig.axes):
        drawn = [("line", line, line.get_xydata()) for line in ax.lines]
        for bar in ax.patches:
            if isinstance(bar, Rectangle):
                top = bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height()
                drawn.append(("bar", bar, [top]))
        for mark in ax.collections:
            if isinstance(mark, PathCollection):
                drawn.append(("points", mark, mark.get_offsets()))
            elif mark.get_paths() and not isinstance(mark, QuadMesh):
                kind = "segments" if isinstance(mark, LineCollection) else "band"
                drawn.append((kind, mark, np.concatenate([p.vertices for p in mark.get_paths()])))
        pictures = [*ax.images, *(mark for mark in ax.collections if isinstance(mark, QuadMesh))]
        for picture in pictures:
            cells = np.ma.filled(picture.get_array(), np.nan)
            if cells.ndim == 2:
                y, x = np.indices(cells.shape).reshape(2, -1)
                drawn.append(("picture", picture, np.column_stack([x, y, cells.ravel()])))
        for kind, artist, rows in drawn:
            rows = pd.DataFrame(np.asarray(rows, dtype=float))
            rows = rows.rename(columns={0: "x", 1: "y", 2: "value"})
            label = artist.get_label().removeprefix("_")
            frames.append(rows.assign(panel=panel, kind=kind, label=label))
    columns = ["panel", "kind", "label", "x", "y", "value"]
    return pd.concat(frames or [pd.DataFrame()], ignore_index=True).reindex(columns=columns)


def panels(rows=1, columns=1, height=3.4, **options):
    """Return a figure as wide as the text, with axes from top to bottom, `height` in inches.

    `options` are those of ``matplotlib.pyplot.subplots``.
    """
    return plt.subplots(rows, columns, figsize=(WIDTH, height), **options)


def band(ax, generations, values, colour, label, share=0.9):
    """Draw the median chain and the band that holds a share of the chains.

    `values` has shape (G, chains); `colour` is a key of `COLOURS` and `label` the median's name.
    """
    low, median, high = np.quantile(values, [(1 - share) / 2, 0.5, (1 + share) / 2], axis=-1)
    ax.fill_between(generations, low, high, color=COLOURS[colour], alpha=0.25, linewidth=0)
    ax.plot(generations, median, color=COLOURS[colour], label=label)


def exact(ax, x, y, label=None, **options):
    """Draw what theory says, a curve or one for each column of `y`: black and dashed.

    `options` are those of ``Axes.plot``.
    """
    ax.plot(x, y, color="black", linestyle="--", linewidth=1.3, label=label, zorder=3, **options)


def loop():
    """Draw the recursion: reality, data, fit, model, data, fit, model, ..."""
    fig, ax = panels(height=2.3)
    ax.set(xlim=(0, 12), ylim=(0, 4.2))
    ax.axis("off")
    boxes = [
        (0.1, "generation 0\nreality", COLOURS["reality"]),
        (4.3, "generation 1\nmodel", COLOURS["ddof=1"]),
        (8.5, "generation 2\nmodel", COLOURS["ddof=1"]),
    ]
    for x, text, colour in boxes:
        style = {"boxstyle": "round,pad=0.1,rounding_size=0.25", "alpha": 0.25, "color": colour}
        ax.add_patch(FancyBboxPatch((x, 2.5), 2.3, 1.3, **style))
        ax.text(x + 1.15, 3.15, text, ha="center", va="center", fontsize=10)
    for i, x in enumerate((2.5, 6.7)):
        ax.text(x + 0.85, 0.75, f"$M_{i}$ draws", ha="center", va="center", fontsize=10)
        _arrow(ax, (x - 0.5, 2.35), (x + 0.35, 1.15))
        _arrow(ax, (x + 1.3, 1.15), (x + 2.2, 2.35))
        ax.text(x - 0.25, 1.55, "sample", ha="right", fontsize=9, style="italic")
        ax.text(x + 1.95, 1.55, "fit", ha="left", fontsize=9, style="italic")
    _arrow(ax, (10.4, 2.35), (11.2, 1.15))
    ax.text(11.35, 0.75, "...", ha="center", va="center", fontsize=14)
    return fig


def _arrow(ax, start, end):
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=13, color="0.3"))
