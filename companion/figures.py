"""Figures of single chapters."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from scipy.special import ndtri

from collapse.figures import COLOURS, WIDTH, band, exact, panels


def verification_grid(results):
    """Draw how far simulation lies from theory, in standard errors, for every closed form.

    `results` are what `companion.checks.run` yields. A row for each entry, by module: left the
    comparison, right its control, on a logarithmic axis; below the quantiles of all comparisons
    against those of the normal law.
    """
    groups = {}
    for result in results:
        groups.setdefault(result.entry.module, []).append(result)
    heights = [len(group) + 1 for group in groups.values()]
    fig = plt.figure(figsize=(WIDTH, 0.17 * sum(heights) + 3))
    grid = fig.add_gridspec(len(groups) + 1, 2, height_ratios=[*heights, 15], width_ratios=(3, 2))
    pair = (None, None)
    for i, (module, group) in enumerate(groups.items()):
        pair = [fig.add_subplot(grid[i, j], sharex=pair[j]) for j in (0, 1)]
        _scores(*pair, group)
        pair[0].set_title(module.replace("_", " "), fontsize=9, loc="left", pad=3)
        for ax in pair:
            ax.tick_params(axis="x", labelbottom=i == len(groups) - 1)
    pair[0].set(xlim=(-6, 6), xticks=(-5, -2, 0, 2, 5), xlabel="$z$ of the prediction")
    pair[1].set(xscale="log", xlim=(4, 1300), xlabel="$|z|$ of the control")
    pair[1].set_xticks((8, 100, 1000), ("8", "100", "1000"))
    pair[1].minorticks_off()
    z = [r.comparison.z for group in groups.values() for r in group if not r.entry.numerical]
    ax = fig.add_subplot(grid[-1, :], aspect="equal", xlim=(-3.2, 3.2))
    ax.set(xlabel="normal quantile", ylabel="$z$ of the prediction")
    levels = (np.arange(len(z)) + 0.5) / len(z)
    normal = ndtri(levels)
    reach = 1.36 / np.sqrt(len(z))  # Kolmogorov's band of 95 % around the normal law
    ends = [ndtri(np.clip(levels + side * reach, 1e-6, 1 - 1e-6)) for side in (-1, 1)]
    ax.fill_between(normal, *np.clip(ends, -4, 4), color="0.9", zorder=0)
    ax.plot(normal, np.sort(z), "o", ms=3, color=COLOURS["replace"])
    exact(ax, [-3, 3], [-3, 3])
    for drawn in (*pair, ax):
        drawn.tick_params(labelsize=8)
        for axis in (drawn.xaxis, drawn.yaxis):
            axis.label.set_size(9)
    return fig


def _scores(left, right, group):
    """Draw a row for each result: its comparison on the left, its control on the right."""
    for ax, edges in ((left, (-5, 5)), (right, (8,))):
        ax.set(yticks=range(len(group)), yticklabels=[], ylim=(len(group) - 0.4, -0.6))
        ax.tick_params(length=0, labelsize=8)
        ax.grid(axis="y", linewidth=0.3)
        for edge in edges:
            ax.axvline(edge, color="0.4", linestyle="--", linewidth=0.8)
    left.set_yticklabels([result.entry.name.partition(".")[2] for result in group])
    left.axvspan(-2, 2, color="0.9", zorder=0)
    for y, result in enumerate(group):
        fill = "none" if result.entry.numerical else COLOURS["replace"]
        z, far = np.clip(result.comparison.z, -5.6, 5.6), abs(result.control.z)
        left.plot(z, y, "o", ms=4, mec=COLOURS["replace"], mfc=fill)
        marker = ">" if far > 1000 else "x"  # an arrow where the control is off the axis
        right.plot(min(far, 1000), y, marker, ms=4, color=COLOURS["printed"], mew=1.2)


def stacked_errors(ax, frame):
    """Draw the errors of a ``Decomposition.frame()``, stacked by generation, and their total."""
    table = frame.pivot(index="generation", columns="error", values="mean")
    colours = sns.color_palette("colorblind", 10)
    looks = {"expressivity": (8, ""), "approximation": (5, "///"), "statistical": (9, "...")}
    bottom = 0 * table["total"]
    for kind, (colour, hatch) in looks.items():
        style = {"color": colours[colour], "hatch": hatch, "edgecolor": "white", "linewidth": 0}
        ax.bar(table.index, table[kind], bottom=bottom, label=kind, **style)
        bottom = bottom + table[kind]
    ax.plot(table.index, table["total"], "_", color="black", markersize=9, label="total")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="generation", ylabel="error made in it", ylim=(0, None))


def definition_grid(records, definitions):
    """Draw the curve of each definition of collapse, and where it says that a chain collapsed.

    `records` is a dict of policy to `collapse.measure.definitions.Record`; the policy is a key of
    `COLOURS`, or one with real data. A panel for each definition, an even number of them, with the
    side of collapse shaded.
    """
    fig, axes = panels(len(definitions) // 2, 2, height=2 * len(definitions) // 2, sharex=True)
    for ax, definition in zip(axes.flat, definitions, strict=True):
        for name, record in records.items():
            values, n = definition.curve(record), record.generations
            known = ~np.isnan(values)
            colour = COLOURS.get(name, COLOURS["reality"])
            ax.plot(n[known], values[known], color=colour, label=name)
            at = definition.collapsed_at(record)
            if at is not None:
                ax.plot(at, values[n == at], "o", color=colour, markersize=6)
        low, high = ax.get_ylim()
        steep = high > 20 * definition.limit
        low, high = (
            0.05 * definition.limit if steep else min(low, 0),
            max(high, 1.2 * definition.limit),
        )
        edges = (low, definition.limit) if definition.below else (definition.limit, high)
        ax.set(xscale="log", yscale="log" if steep else "linear", ylabel=definition.unit)
        ticks = [i for i in (1, 4, 16, 64, 256) if i <= n[-1]]
        ax.set_xticks(ticks, [str(i) for i in ticks])
        ax.minorticks_off()
        ax.yaxis.label.set_size(8)
        ax.axhspan(*edges, color="0.9", zorder=0)
        ax.set_ylim(low, high)
        ax.set_title(definition.name, fontsize=9, loc="left")
        ax.tick_params(labelsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("generation", fontsize=9)
    axes[0, 0].legend(fontsize=8)
    return fig


def shifting_histograms(ax, edges, counts, labels):
    """Draw a histogram for each generation, later ones darker, on a logarithmic axis.

    The `edges` of the bins, shape (bins + 1,), are decimal logarithms; each row of `counts`, shape
    (generations, bins), is normalised, and named in the legend by one of the `labels`.
    """
    colours = sns.color_palette("flare", len(labels))
    width = np.diff(edges)[0]
    for row, label, colour in zip(np.asarray(counts, dtype=float), labels, colours, strict=True):
        density = row / row.sum() / width
        ax.stairs(density, 10.0 ** np.asarray(edges), color=colour, label=label, linewidth=1.4)
    ax.set(xscale="log", yticks=[])


def autoencoder_runs(axes, measured, recorded=None, colours=None):
    """Draw spread of codes, ELBO and class entropy of runs on digits, one below the other.

    `measured` holds for each setting what `companion.experiments.digits.measure` returned,
    `recorded` the authors' spread in generations 1, 2, ..., and `colours` for each setting a key of
    `COLOURS`, by default itself.
    """
    labels = {"spread": "spread of codes", "elbo": "ELBO, nats", "entropy": "class entropy, nats"}
    for ax, (quantity, label) in zip(axes, labels.items(), strict=True):
        for setting, found in measured.items():
            values = found[quantity][1:]
            generations = np.arange(1, len(values) + 1)
            band(ax, generations, values, (colours or {}).get(setting, setting), setting, share=1)
        ax.set(ylabel=label)
    if recorded is not None:
        generations = np.arange(1, len(recorded) + 1)
        axes[0].plot(generations, recorded, "k+", markersize=8, label="recorded by the authors")
    axes[0].set(ylim=(0, None))
    axes[0].legend(fontsize=9, ncols=2)
    axes[2].axhline(np.log(10), color="0.6", linestyle=":")
    axes[2].set(xlabel="generation", ylim=(0, 2.45))
    axes[2].xaxis.get_major_locator().set_params(integer=True)


def mosaic(ax, pictures, rows):
    """Draw square grey `pictures`, shape (R, C, pixels), in R rows with a word to the left of each.

    They are dark on white where they are large.
    """
    pictures = np.asarray(pictures)
    side = int(np.sqrt(pictures.shape[-1]))
    tiles = pictures.reshape(*pictures.shape[:2], side, side).swapaxes(1, 2)
    ax.imshow(tiles.reshape(len(pictures) * side, -1), cmap="Greys")
    ax.set(xticks=[], yticks=side * (np.arange(len(rows)) + 0.5))
    ax.set_yticklabels(rows, fontsize=8)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def forgetting(pictures, generations):
    """Draw a row of `pictures`, shape (R, C, pixels), for each of the R `generations`."""
    fig, ax = panels(height=WIDTH * len(pictures) / pictures.shape[1])
    mosaic(ax, pictures, [f"generation {n}" for n in generations])
    return fig
