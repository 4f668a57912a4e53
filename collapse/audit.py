"""What exact laws say about counts of your own: ``collapse audit FILE``, without simulation.

The data are counted categories, labels or words. If each generation learned from `sample_size`
draws of the last, what would be left, and what would keep it? Every number carries what it is:
*exact*, a *bound*, or *asymptotic*. The `ASSUMPTIONS` make it the least that recursion costs, not a
forecast for a network.
"""

import json
import textwrap
from dataclasses import dataclass, field
from html import escape

import numpy as np
from scipy import stats

from collapse import validation
from collapse.data import Labels
from collapse.theory import drift, effective, functional, mixing, realdata, selection

ASSUMPTIONS = (
    "The model has no error of its own: it copies the frequencies of its training data.",
    "Draws are independent, as those of shuffled words; the tokens of a text are not.",
    "The counted data are the whole truth: what they never saw does not occur.",
)
POLICIES = ("replace", "accumulate", "subsample", "fresh", "keep")
POISSON = "asymptotic in M, exact for Poisson counts"
EFFECTIVE = (
    "Medians, with 5 to 95 %, of the effective numbers of order 1 and 2 and of the share that the "
    "tail holds: approximate (gamma and beta laws of the right mean, variance and chance to be "
    "gone, see `collapse.theory.effective`), while at least 95 % of the diversity is expected to "
    "be left."
)
BOUND = "Order 2, at least: its effective number is expected to be above this (exact bound)."
COLUMNS = 76
LEVELS, TAIL = (0.05, 0.5, 0.95), 0.05
TEMPERATURE, ADVANTAGE, FILTER = 0.9, 0.01, (0.9, 0.5)


def _diversity(policy, size, generations, number):
    """Return the expected Gini-Simpson diversity over that of the data, exact, shape (N + 1,)."""
    if policy == "keep":
        return realdata.real_set_diversity(size, size - number, generations, used=number)
    if policy == "fresh":
        return realdata.fresh_diversity(size, generations, number)
    laws = {
        "replace": drift.diversity_kept,
        "accumulate": mixing.diversity_accumulated,
        "subsample": mixing.diversity_subsampled,
    }
    return laws[policy](size, generations)


def _constants(policy, size, generations, number):
    """Return c_n of P(alive at n) = 1 - exp(-p c_n), shape (N + 1,), and the status of that law.

    What was in the first sample stays in a pool for ever; a part of the pool or of a kept set may
    lack it, but never has more.
    """
    if policy in ("replace", "fresh"):
        number = number if policy == "fresh" else 0
        return realdata.fresh_survival_constant(size, generations, number), POISSON
    constants = np.append(np.inf, np.full(generations, float(size)))
    return constants, POISSON if policy == "accumulate" else "bound from above, " + POISSON


@dataclass(frozen=True, eq=False)
class Audit:
    """The report of an audit: `facts`, a nested dict as in its JSON, and what figures draw."""

    facts: dict
    curves: dict = field(repr=False)

    def json(self):
        """Return the report for machines."""
        return json.dumps(self.facts, indent=1, ensure_ascii=False)

    def text(self):
        """Return the report for people, as plain text of at most `COLUMNS` columns."""
        parts = []
        for title, lines in self._sections().items():
            folded = [textwrap.fill(line, COLUMNS, subsequent_indent="    ") for line in lines]
            parts.append("\n".join([f"# {title}", "", *folded]))
        return "\n\n".join(parts)

    def _sections(self):
        """Return the paragraphs of the report, lists of lines, by title."""
        facts, generations = self.facts, self.facts["generations"]
        real = f", {facts['number']:,} of them real" if facts["number"] else ""
        rows = ["generation  categories  (5 to 95 %)              gone   order 2, at least"]
        kinds = [f"generation  {'order 1':24}{'order 2':22}tail of {facts['tail']:.1%}"]
        for n in facts["by generation"]:
            band = f"({n['low']:,.0f} to {n['high']:,.0f})" if n["low"] else ""
            rows.append(
                f"{n['generation']:>10}  {n['categories']:>10,.1f}  {band:22}  {n['gone']:>7.2%}"
                f"{n['order 2']:>20,.1f}"
            )
            cells = [f"{n['generation']:>10}  "]
            for name, width in (("1", 24), ("2", 22), ("tail", 0)):
                found = n["quantiles"][name] or [np.nan]
                form = ".1%" if name == "tail" else ",.0f" if found[0] > 1000 else ".4g"
                told = "–" if len(found) == 1 else "{1} ({0}, {2})"
                cells.append(told.format(*(f"{value:{form}}" for value in found)).ljust(width))
            kinds.append("".join(cells).rstrip())
        risk = []
        for r in facts["at risk"]:
            some = ", ".join(r["names"]) + ", ..." * (r["categories"] > len(r["names"]))
            fate = f"above {facts['chance']:.0%} to the end"
            if r["below"]:
                fate = f"below {facts['chance']:.0%} in generation {r['below']}"
            risk.append(
                f"seen {r['count']:,} time{'s' * (r['count'] > 1)}, {r['categories']:,} "
                f"categories ({some}): "
                f"each alive with {r['alive']:.1%}, {fate}"
            )
        first = (
            f"{facts['data']:,} data of {facts['categories']:,} categories; each generation "
            f"learns from {facts['sample_size']:,} ({facts['policy']}{real})."
        )
        orders = (f"{facts[f'order {q}']:,.1f} (order {q})" for q in (1, 2))
        data = [
            first,
            f"Effective numbers: {', '.join(orders)}.",
            f"Unseen already: about {facts['unseen']:.2%} of new data (Good-Turing estimate).",
        ]
        return {
            "Data": data,
            "By generation": [*rows, facts["status"][0]],
            "Effective numbers and the tail": [*kinds, facts["status"][1]],
            f"At risk after {generations} generations, rarest first": risk,
            "What would keep it": facts["remedies"],
            "Assumptions": [f"- {line}" for line in ASSUMPTIONS],
        }

    def figures(self):
        """Return the figures, by title."""
        from collapse import figures as style

        style.use_style()
        curves, found = self.curves, {}
        fig, ax = style.panels(height=3.2)
        n = np.arange(len(curves["alive"]))
        ax.fill_between(n, curves["low"], curves["high"], alpha=0.25, linewidth=0)
        ax.plot(n, curves["alive"], label="categories")
        ax.plot(n, curves["order 2"], "--", label="effective number of order 2")
        ax.set(xlabel="generation", yscale="log")
        ax.legend()
        found["Categories, expected, with 5 to 95 %; effective number of order 2 (bound)"] = fig
        fig, ax = style.panels(height=3.2)
        for generation, alive in curves["survival"].items():
            ax.plot(np.arange(1, len(alive) + 1), alive, label=f"generation {generation}")
        ax.set(xlabel="rank", ylabel="probability to be alive", xscale="log", ylim=(0, 1.02))
        ax.legend()
        found[f"Survival by rank, {POISSON}"] = fig
        fig, ax = style.panels(height=3.2)
        for name, values in self.facts["needed"]["kept"].items():
            ax.plot(self.facts["needed"]["numbers"], values, label=name)
        ax.set(xlabel="fresh real data in each generation", xscale="log", ylim=(0, 1.02))
        ax.legend()
        found["What fresh real data keep, as a share of reality"] = fig
        return found

    def html(self):
        """Return the report as one page that needs nothing else."""
        from collapse import figures as style

        css = "body{max-width:46rem;margin:2rem auto;padding:0 1rem;font:1rem/1.5 sans-serif}"
        css += "pre{white-space:pre-wrap;font-size:.8rem}svg{max-width:100%;height:auto}"
        head = "<!doctype html><html lang='en'><meta charset='utf-8'>"
        head += "<meta name='viewport' content='width=device-width'>"
        head += f"<title>Audit</title><style>{css}</style><h1>What recursion costs at least</h1>"
        parts = [head]
        for title, lines in self._sections().items():
            parts.append(f"<h2>{escape(title)}</h2><pre>{escape(chr(10).join(lines))}</pre>")
        for title, fig in self.figures().items():
            label = f"<svg role='img' aria-label='{escape(title)}'"
            drawn = style.svg(fig).replace("<svg", label, 1)
            parts.append(f"<figure>{drawn}<figcaption>{escape(title)}</figcaption></figure>")
        return "\n".join([*parts, "</html>\n"])


def audit(
    data,
    *,
    policy="replace",
    sample_size=None,
    generations=10,
    number=0,
    chance=0.5,
    kept=0.9,
    category=None,
):
    """Apply the exact laws to counted `data`, `collapse.data.Labels`; returns an `Audit`.

    `sample_size` M is as many as there are data unless given. `policy` is one of `POLICIES`; of
    ``"fresh"`` and ``"keep"``, `number` of the M data are real. `chance` is the probability to be
    alive below which a category counts as at risk; `kept` the share of the effective number, and
    the probability of the rarest category or of `category`, that real data shall keep.
    """
    if not isinstance(data, Labels):
        raise ValueError(f"data must be labels or a text, got {type(data).__name__}")
    if policy not in POLICIES:
        raise ValueError(f"policy must be one of {', '.join(POLICIES)}, got {policy!r}")
    size = data.size if sample_size is None else validation.integer("sample_size", sample_size, 2)
    generations = validation.integer("generations", generations, 1)
    number = validation.integer("number", number, 1 if policy in ("fresh", "keep") else 0)
    if number >= size:
        raise ValueError(f"number must be below the sample size, {size}, got {number}")
    chance, kept = (validation.real(n, v, 0, 1) for n, v in (("chance", chance), ("kept", kept)))
    p = data.probabilities
    watched = len(p) - 1 if category is None else data.position(category)
    constants, status = _constants(policy, size, generations, number)
    diversity = _diversity(policy, size, generations, number)
    start = 1 - p @ p
    alive, spread, gone = np.full(generations + 1, float(len(p))), *np.zeros((2, generations + 1))
    for n, c in enumerate(constants[1:], 1):
        dead = np.exp(-c * p)
        alive[n], spread[n], gone[n] = (1 - dead).sum(), (dead * (1 - dead)).sum(), p @ dead
    band = 1.645 * np.sqrt(spread)
    curves = {
        "alive": alive,
        "low": np.maximum(alive - band, 1),
        "high": np.minimum(alive + band, len(p)),
        "order 2": 1 / (1 - start * diversity),
        "survival": {
            int(n): 1 - np.exp(-constants[n] * p)
            for n in sorted({1, round(generations**0.5), generations})
        },
    }
    shown = sorted({0, 1, *np.geomspace(1, generations, 6).round().astype(int)})
    tail = p[::-1][np.cumsum(p[::-1]) <= TAIL].sum() or p[-1]

    def quantiles(n):
        if n == 0 or "bound" in status or diversity[n] < effective.LEAST:
            return dict.fromkeys(("1", "2", "tail"))
        known = {"diversity": diversity[n], "constant": constants[n]}
        found = {str(q): effective.effective_quantiles(p, q, LEVELS, **known) for q in (1, 2)}
        weight = diversity[n] / (1 - diversity[n])  # the tail as one category: mean and variance
        found["tail"] = stats.beta(tail * weight, (1 - tail) * weight).ppf(LEVELS)
        return {name: values.tolist() for name, values in found.items()}

    facts = {
        "data": data.size,
        "categories": len(p),
        "order 1": float(np.exp(-(p * np.log(p)).sum())),
        "order 2": float(1 / (p @ p)),
        "unseen": float((data.counts == 1).sum() / data.size),
        "sample_size": size,
        "policy": policy,
        "number": number,
        "generations": generations,
        "chance": chance,
        "tail": float(tail),
        "by generation": [
            {
                "generation": int(n),
                "categories": float(alive[n]),
                "low": None if "bound" in status else float(curves["low"][n]),
                "high": None if "bound" in status else float(curves["high"][n]),
                "order 2": float(curves["order 2"][n]),
                "gone": float(gone[n]),
                "quantiles": quantiles(n),
            }
            for n in shown
        ],
        "status": [
            f"Categories, and the share of the data that is gone: {status}. {BOUND}",
            EFFECTIVE,
        ],
        "at risk": _at_risk(data, constants, chance),
    }
    facts["remedies"], facts["needed"] = _remedies(data, size, generations, kept, watched)
    return Audit(facts, curves)


def _at_risk(data, constants, chance, most=12):
    """Return the fate of the rarest categories, a row for each count, the smallest first."""
    counts, first, kinds = np.unique(data.counts, return_index=True, return_counts=True)
    rows = []
    for count, i, together in list(zip(counts, first, kinds, strict=True))[:most]:
        alive = -np.expm1(-constants * count / data.size)
        below = np.flatnonzero(alive < chance)
        names = [str(name) for name in data.names[i : i + min(together, 3)]]
        rows.append(
            {
                "count": int(count),
                "categories": int(together),
                "names": names,
                "alive": float(alive[-1]),
                "below": int(below[0]) if below.size else None,
            }
        )
    return rows


def _first(good, most):
    """Return the smallest k from 1 to `most` that is good, goodness being monotone, or None."""
    low, high = 0, most
    if not good(most):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if good(middle) else (middle, high)
    return high


def _remedies(data, size, generations, kept, watched):
    """Return sentences on what keeps how much, and the curves over the number of real data."""
    p, name = data.probabilities, str(data.names[watched])
    start = 1 - p @ p

    def effective(number, **weight):
        return (p @ p) / (1 - start * realdata.fresh_limit(size, number, **weight))

    def presence(number):
        constant = realdata.fresh_survival_constant(size, generations, number)[-1]
        return -np.expm1(-constant * p[watched])

    goals = {
        f"keep {kept:.0%} of the effective number of order 2 for ever (bound)": effective,
        f"keep “{name}” with {kept:.0%} for {generations} generations ({POISSON})": presence,
    }
    lines = []
    for goal, law in goals.items():
        number = _first(lambda k, law=law: law(k) >= kept, size)
        told = "not even real data alone"
        told = told if number is None else f"{number:,} fresh real data a generation"
        lines.append(f"To {goal}: {told}.")
    few = max(1, size // 100)
    golden = realdata.golden_weight(few / (size - few))
    lines.append(
        f"{few:,} fresh real data keep {effective(few):.0%} of it; weighted by {golden:.2f} in all "
        f"instead of {few / size:.2f}, {effective(few, weight=golden):.0%} (exact limits, bounds)."
    )
    real, synthetic = FILTER
    share = few / size * real / (few / size * real + (1 - few / size) * synthetic)
    limit = mixing.mixture_limit(size, (1 - share, 0, share))
    lines.append(
        f"A filter that passes {real:.0%} of the real and {synthetic:.0%} of the generated data "
        f"makes {few / size:.1%} real data {share:.1%}, which keep "
        f"{(p @ p) / (1 - start * limit):.0%} (exact limit, bound)."
    )
    cold = functional.tempered_entropy(p, 1, temperature=TEMPERATURE**generations)
    lines.append(
        f"Sampling at temperature {TEMPERATURE} leaves an effective number of order 1 of "
        f"{np.exp(cold[-1]):,.1f} after {generations} generations, however large M is (exact, "
        "without sampling error)."
    )
    win = selection.kimura_fixation(p[0], size, ADVANTAGE)
    lines.append(
        f"A verifier that accepts “{data.names[0]}” {ADVANTAGE:.0%} more often lets it take over "
        f"everything with probability {win:.1%} instead of {p[0]:.1%} (asymptotic in M, replace)."
    )
    numbers = np.unique(np.geomspace(1, size, 40).round().astype(int)).tolist()
    curves = {
        "effective number of order 2, for ever (bound)": [effective(k) for k in numbers],
        f"“{name}” alive after {generations} generations (asymptotic)": [
            presence(k) for k in numbers
        ],
    }
    return lines, {"numbers": numbers, "kept": {k: list(map(float, v)) for k, v in curves.items()}}
