"""Does new data lose more than finite samples take? ``collapse watch OLD NEW``.

OLD and NEW are two samples of one kind: real and generated data, or two generations. If NEW were
drawn from a model that only copies OLD, its losses would be those of drawing as many data from
OLD's own law. `watch` draws so many times: the share of draws that lose at least as much as NEW is
the p value, exact at any sample size, since NEW would then be one draw more among equals.
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from collapse import validation
from collapse.data import Labels, Numbers
from collapse.seeds import generator

LEVEL = 0.05


def _of_counts(counts, rare):
    """Return what is watched of counts (..., K); all are small where diversity is lost."""
    p = counts / counts.sum(axis=-1, keepdims=True)
    safe = np.where(p > 0, p, 1)
    return {
        "categories": np.count_nonzero(counts, axis=-1).astype(float),
        "effective number, order 1": np.exp(-(p * np.log(safe)).sum(axis=-1)),
        "effective number, order 2": 1 / (p**2).sum(axis=-1),
        "tail mass": p[..., rare].sum(axis=-1),
    }


def _of_values(values, ends):
    """Return what is watched of values (..., n)."""
    return {
        "variance": values.var(axis=-1),
        "range": np.ptp(values, axis=-1),
        "tail mass": ((values < ends[0]) | (values > ends[1])).mean(axis=-1),
    }


@dataclass(frozen=True, eq=False)
class Watch:
    """What was found: `rows`, for each statistic OLD, NEW, the draws under no loss, and p.

    `drift`: how many generations of pure drift, at the size of NEW, would explain what is lost, and
    the 5 and 95 % quantiles of that estimate for one sample of OLD.
    """

    rows: dict
    drift: dict

    def text(self):
        """Return the table, and what it says."""
        lines = [" " * 32 + "OLD       NEW   from OLD, 5 to 95 %       p"]
        for name, row in self.rows.items():
            low, high = np.quantile(row["drawn"], [0.05, 0.95])
            lines.append(
                f"{name:26}{row['old']:>9.4g} {row['new']:>9.4g} {low:>9.4g} to {high:<8.4g}"
                f"{row['p']:>7.3g}"
            )
        found = self.drift
        lines.append(
            f"As if {found['generations']:.1f} generations of pure drift; drawn once from OLD: "
            f"{found['low']:.1f} to {found['high']:.1f}."
        )
        level = LEVEL / len(self.rows)
        lost = ", ".join(name for name, row in self.rows.items() if row["p"] < level)
        if lost:
            lines.append(f"NEW lost more than one sample takes: {lost}.")
        else:
            lines.append("Nothing is lost beyond what one sample takes.")
        lines.append(f"(Each line is a test of level {level:.4g}, together at most {LEVEL}.)")
        return "\n".join(lines)


def _counted(old, new):
    """Return the counts of two `Labels` over the same names, in the order of OLD."""
    place = {name: i for i, name in enumerate(old.names)}
    extra = [name for name in new.names if name not in place]
    place |= {name: len(place) + i for i, name in enumerate(extra)}
    counts = np.zeros((2, len(place)), dtype=np.int64)
    for row, data in enumerate((old, new)):
        counts[row, [place[name] for name in data.names]] = data.counts
    return counts


def _tail(counts, level):
    """Return which categories are the rarest, as many as hold no more than `level` together."""
    order = np.argsort(counts, kind="stable")
    held = np.cumsum(counts[order]) <= level * counts.sum() * (1 + 1e-12)
    return order[held]


def _generations(measure, old, size):
    """Return the generations of drift after which `old` is expected to be `measure`, or 0."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(np.maximum(measure, 1e-300) / old) / np.log1p(-1 / size), 0)


def watch(old, new, *, draws=999, tail=0.05, rng=0):
    """Compare two samples, both `collapse.data.Labels` or both `Numbers` on the line.

    The p value of a statistic is (1 + r)/(1 + `draws`), r being how many of the `draws` samples of
    NEW's size from OLD's law are at most as large as NEW: small if NEW lost more, and below a level
    with that probability at most if NEW is such a sample. `tail` is the share of OLD that counts as
    its tails; `rng` a seed or generator. Drift is estimated from the Gini-Simpson diversity, or the
    variance (ddof=0), of which each generation keeps 1 - 1/M on average (thm-workflows-law).
    """
    rng, draws = generator(rng), validation.integer("draws", draws, 19)
    tail = validation.real("tail", tail, 0, 1, open_below=True)
    if isinstance(old, Labels) and isinstance(new, Labels):
        before, after = _counted(old, new)
        rare, size = _tail(before, tail), new.size
        law = before / before.sum()
        alive = np.flatnonzero(before)
        found = {}
        block = max(1, 2 * 10**7 // max(len(alive), 1))
        for start in range(0, draws, block):
            drawn = np.zeros((min(block, draws - start), len(law)))
            drawn[:, alive] = rng.multinomial(size, law[alive], size=len(drawn))
            for name, values in _of_counts(drawn, rare).items():
                found.setdefault(name, []).append(values)
        null = {name: np.concatenate(parts) for name, parts in found.items()}
        here, there = _of_counts(before, rare), _of_counts(after, rare)
        spread = lambda row: 1 - 1 / row["effective number, order 2"]  # noqa: E731
    elif isinstance(old, Numbers) and isinstance(new, Numbers):
        if old.rows.ndim > 1 or new.rows.ndim > 1:
            raise ValueError("old and new must be numbers on the line, got vectors")
        ends = np.quantile(old.rows, [tail / 2, 1 - tail / 2])
        size = new.size
        drawn = old.rows[rng.integers(old.size, size=(draws, size))]
        null = _of_values(drawn, ends)
        here, there = _of_values(old.rows, ends), _of_values(new.rows, ends)
        spread = lambda row: row["variance"]  # noqa: E731
    else:
        raise ValueError(
            f"old and new must be of one kind, got {type(old).__name__} and {type(new).__name__}"
        )
    rows = {
        name: {
            "old": float(here[name]),
            "new": float(there[name]),
            "drawn": null[name],
            "p": float((1 + (null[name] <= there[name]).sum()) / (1 + draws)),
        }
        for name in here
    }
    drifted = _generations(spread(null), spread(here), size)
    low, high = np.quantile(drifted, [0.05, 0.95])
    estimate = float(_generations(spread(there), spread(here), size))
    return Watch(rows, {"generations": estimate, "low": float(low), "high": float(high)})


def generated_share(mixed, real, generated):
    r"""Estimate the share of generated data among unlabelled `mixed` data, and its standard error.

    All three are `collapse.data.Labels`; `real` and `generated` are taken for the laws themselves,
    so both must be much larger than `mixed`. The maximum of the likelihood of counts with the law
    :math:`(1-g)p+gq`, which is concave in the share g; the error is asymptotic, from the Fisher
    information :math:`N\sum_i(q_i-p_i)^2/m_i`. What the price of knowing more is:
    prop-provenance-information.
    """
    names = sorted({*mixed.names, *real.names, *generated.names})
    place = {name: i for i, name in enumerate(names)}
    laws = np.zeros((3, len(names)))
    for row, data in zip(laws, (mixed, real, generated), strict=True):
        row[[place[name] for name in data.names]] = data.counts
    counts, p, q = laws[0], *(law / law.sum() for law in laws[1:])
    known = (p + q > 0) & (counts > 0)
    if not known.any() or np.allclose(p, q):
        raise ValueError("mixed must hold categories of two laws that differ")
    counts, p, q = counts[known], p[known], q[known]

    def score(share):
        return (counts * (q - p) / ((1 - share) * p + share * q)).sum()

    inside = 1e-9, 1 - 1e-9
    ends = [score(share) for share in inside]
    if ends[0] <= 0 or ends[1] >= 0:
        share = float(ends[0] > 0)
    else:
        share = optimize.brentq(score, *inside)
    middle = np.clip(share, *inside)
    mixture = (1 - middle) * p + middle * q
    information = counts.sum() * ((q - p) ** 2 / mixture).sum()
    return share, float(information**-0.5)


def parts(old, new, double):
    """Split what NEW lost of OLD into sampling error and the rest, given a NEW from twice the data.

    `new` learned from M data and `double` from 2M, made by the same procedure. The loss is that of
    the Gini-Simpson diversity, or of the variance, as a share of OLD's. Returns the text.
    """
    kept = [1 - _spread(sample, old) / _spread(old, old) for sample in (new, double)]
    sampled, rest = split(*kept)
    return (
        f"Lost {kept[0]:.2%} from M data and {kept[1]:.2%} from 2M: finite samples take "
        f"{float(sampled):.2%}, the rest is {float(rest):.2%} (asymptotic in M; two samples, with "
        "all their chance)."
    )


def _spread(data, like):
    """Return the Gini-Simpson diversity of labels, or the variance of numbers."""
    if isinstance(data, Labels) != isinstance(like, Labels):
        raise ValueError("old, new and double must be of one kind")
    return 1 - (data.probabilities**2).sum() if isinstance(data, Labels) else data.rows.var()


def split(loss, double):
    r"""Split a loss at M data, given the one at 2M, into sampling error and the rest.

    What finite samples take is a/M to first order, what the model's own error takes does not depend
    on M: :math:`L(M)=a/M+b`, so that :math:`a/M=2(L(M)-L(2M))` and :math:`b=2L(2M)-L(M)`.
    Asymptotic in M. Returns the two parts at M.
    """
    loss, double = validation.finite("loss", loss), validation.finite("double", double)
    return 2 * (loss - double), 2 * double - loss
