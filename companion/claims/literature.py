"""What others have found since: their statements, and what our checks say of them.

A row holds a statement in our words, how its authors have it (*exact*, *asymptotic*, a *bound*, or
seen in an *experiment*), and a check. The verdict is computed as in the ledger of the paper's own
claims: it follows from the comparisons, most of which are entries of `companion.checks`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import numpy as np

from collapse.theory import categorical, mixing
from companion import checks
from companion.claims.ledger import UNTESTED, Evidence
from companion.claims.table import SIGNS
from companion.comparison import Comparison

KINDS = ("exact", "asymptotic", "bound", "experiment")


@dataclass(frozen=True)
class Row:
    """A statement of the literature in our words, and its check.

    `key` is that of ``references.bib`` and `paper` authors and year; `kind`, one of `KINDS`, says
    how the authors have it, and `remark` what the check is of, what it adds, or why there is none.
    """

    key: str
    paper: str
    statement: str
    kind: str
    remark: str
    check: Callable | None = None


@dataclass(frozen=True)
class Checked:
    """A row and the evidence of its check, None where there is none."""

    row: Row
    evidence: Evidence | None

    @property
    def verdict(self):
        """The verdict, *not tested here* without evidence."""
        return self.evidence.verdict if self.evidence else UNTESTED


def verified(*names, outside=()):
    """Make a check that runs the entries of these `names`, which agree with the statement.

    The controls of the entries `outside` are the statement where its condition is not met.
    """

    def check():
        found = {r.entry.name: r for r in checks.run([*names, *outside])}
        control = min((found[name].control for name in names), key=lambda c: abs(c.z))
        return Evidence(
            stated=tuple(found[name].comparison for name in names),
            outside=tuple(found[name].control for name in outside),
            control=control,
        )

    return check


def _first_order():
    """Compare the loss of accumulation, over 1/M, with its limit; the next order is 1/M."""
    size = 10**6
    lost = size * (1 - mixing.diversity_limits(size)["accumulated"])
    stated = Comparison(f"M times the loss at M={size:.0e}", np.pi**2 / 6, lost, 1 / size)
    return Evidence((stated,), control=stated._replace(predicted=np.pi**2 / 2 - 2))


def _large_pool():
    """Compare the effective size of a large pool with its limit; the next order is 1/M."""
    size, share = 10**6, 0.25
    found = mixing.effective_size(size, int(share * size))
    stated = Comparison(
        f"effective size at M={size:.0e}, a quarter replaced",
        size / (share * (2 - share)),
        found,
        found / size,
    )
    outside = verified("mixing.effective_size")().control
    return Evidence((stated,), outside=(outside,), control=stated._replace(predicted=size / share))


def _time_bound():
    """Compare the time to absorption with the exact one, and with the bound taken for a value."""
    name = "categorical.expected_absorption_time"
    (result,) = checks.run([name])
    law, size = np.array([0.1, 0.35, 0.55]), 3  # as the entry has it
    spread = 1 - law @ law
    bound = 1 + spread * size * (size - 1)
    if categorical.expected_absorption_time(law, size) > bound:  # the bound would be wrong
        return Evidence((result.comparison._replace(predicted=bound),), control=result.control)
    sharp = result.comparison._replace(quantity=f"{name}: the bound", predicted=bound)
    return Evidence((result.comparison,), outside=(sharp,), control=result.control)


ROWS = (
    Row(
        "alemohammad2024",
        "Alemohammad et al. 2024",
        "A fully synthetic loop with sampling bias lambda multiplies the expected variance by "
        "lambda at each generation.",
        "exact",
        "The same law with either divisor; it is that of a temperature.",
        verified("functional.tempered_variance"),
    ),
    Row(
        "alemohammad2024",
        "Alemohammad et al. 2024",
        "With fresh real data, biased synthetic data help up to a number that settles as the real "
        "data grow, and harm beyond it.",
        "experiment",
        "The number is (9 - λ - 2λ²)/(1 - λ)² in one dimension; without bias they always help.",
        verified("realdata.bias_threshold", "realdata.biased_variance"),
    ),
    Row(
        "barzilai2025",
        "Barzilai and Shamir 2025",
        "Maximum likelihood on accumulated data stays consistent under regularity, and can "
        "collapse without it.",
        "bound",
        "The counter-example was not rebuilt.",
    ),
    Row(
        "bertrand2024",
        "Bertrand et al. 2024",
        "In a fully synthetic Gaussian loop the expected standard deviation falls by the factor c4 "
        "at each generation.",
        "exact",
        "For the unbiased divisor.",
        verified("gaussian.c4", "gaussian.std_moment (s = 1)"),
    ),
    Row(
        "borji2024",
        "Borji 2024",
        "Fitting and sampling kernel density estimates degrades too.",
        "experiment",
        "The variance does not shrink, but grows to M h² when data are replaced.",
        verified("functional.kde_variance"),
    ),
    Row(
        "dey2024",
        "Dey and Donoho 2024",
        "When data accumulate, the loss is π²/6 times that of one generation, for large samples.",
        "asymptotic",
        "Exactly it is M(1 - sin(π/√M)/(π/√M)), which is below π²/6.",
        _first_order,
    ),
    Row(
        "dohmatob2024regression",
        "Dohmatob et al. 2024",
        "In linear regression on its own labels the test error grows linearly.",
        "asymptotic",
        "Exact at every sample size, for inputs that are fresh or the same.",
        verified("regression.error_replaced (fresh inputs)"),
    ),
    Row(
        "dohmatob2024tails",
        "Dohmatob et al. 2024",
        "Cut tails change the exponent of scaling laws, and generations add up.",
        "asymptotic",
        "Needs fits over many sample sizes; the words chapter has the law of what is lost.",
    ),
    Row(
        "dohmatob2025strong",
        "Dohmatob et al. 2025",
        "A constant share of bad synthetic data leaves an error that more data do not remove.",
        "asymptotic",
        "A law of one generation, and not of a recursion.",
    ),
    Row(
        "drayson2025",
        "Drayson et al. 2025",
        "Resampling by a detector of machine text prevents collapse of language models.",
        "experiment",
        "Needs a language model; the chapter on provenance has the law for categories.",
    ),
    Row(
        "feng2025beyond",
        "Feng et al. 2025",
        "A verifier of labels decides at a sharp threshold if the classifier is best or worst.",
        "asymptotic",
        "Classification is not among our models.",
    ),
    Row(
        "ferbach2024",
        "Ferbach et al. 2024",
        "To choose among samples by a reward maximises the reward in the end.",
        "asymptotic",
        "With endless samples. With M of them chance may win: then Kimura's law decides.",
        verified("selection.selection_matrix", "selection.kimura_fixation"),
    ),
    Row(
        "fu2024",
        "Fu et al. 2024",
        "The distance of a diffusion model from reality is bounded if enough of its data are real.",
        "bound",
        "A bound with constants that are not known.",
    ),
    Row(
        "fu2025",
        "Fu et al. 2025",
        "A constant share of real data is enough for stability.",
        "bound",
        "Exactly so for categories and Gaussians: it is the limit that is positive.",
        verified("mixing.mixture_limit", "realdata.fresh_limit"),
    ),
    Row(
        "gerstgrasser2024",
        "Gerstgrasser et al. 2024",
        "In linear regression the test error grows linearly when labels are replaced.",
        "exact",
        "",
        verified("regression.error_replaced (the same inputs)"),
    ),
    Row(
        "gerstgrasser2024",
        "Gerstgrasser et al. 2024",
        "When labels accumulate it is 1 + 1/4 + ... + 1/n², below π²/6, times the first error.",
        "exact",
        "For the same inputs in each generation, as in the theorem; smaller with fresh ones.",
        verified(
            "regression.error_accumulated (the same inputs)",
            outside=["regression.error_accumulated (fresh inputs)"],
        ),
    ),
    Row(
        "gerstgrasser2024",
        "Gerstgrasser et al. 2024",
        "When labels are replaced by more and more of them it grows with the logarithm.",
        "asymptotic",
        "Exactly as a sum, for fresh inputs.",
        verified("regression.error_grown"),
    ),
    Row(
        "he2025golden",
        "He et al. 2025",
        "Weighted by 0.618, one over the golden ratio, equal numbers give the smallest error.",
        "exact",
        "For a known spread. At every ratio the smallest variance is the best weight itself.",
        verified("realdata.golden_weight", "realdata.weighted_variance"),
    ),
    Row(
        "kanabar2025",
        "Kanabar and Gastpar 2025",
        "Without labels, a share α of real data is worth α² of it and not α.",
        "bound",
        "The exact information, and the variance of the corrected estimator.",
        verified("detection.mixture_information (no marks)", "detection.debiased_error (variance)"),
    ),
    Row(
        "kazdan2024",
        "Kazdan et al. 2025",
        "When data accumulate, the expected covariance tends to sin(π/√M)/(π/√M) of reality's.",
        "exact",
        "For the divisor M; for categories too.",
        verified(
            "mixing.diversity_accumulated (N(0, 1), ddof=0)",
            "mixing.diversity_accumulated (K = 3)",
            "mixing.diversity_limits (accumulated)",
        ),
    ),
    Row(
        "kazdan2024",
        "Kazdan et al. 2025",
        "With a fixed budget from all data so far the loss levels off.",
        "experiment",
        "The level is known exactly: a loss of 2.935/M against 1.645/M with all data.",
        verified(
            "mixing.diversity_subsampled (N(0, 1), ddof=0)",
            "mixing.diversity_limits (subsampled)",
        ),
    ),
    Row(
        "khelifa2026",
        "Khelifa et al. 2026",
        "With a share of real data, past errors of a diffusion model add up with a discount.",
        "bound",
        "For categories the sum is exact, and the law in the long run is a Dirichlet law.",
        verified("realdata.fresh_chi_square", "realdata.dirichlet_limit"),
    ),
    Row(
        "marchi2024heat",
        "Marchi et al. 2024",
        "A temperature other than one degenerates without outside data: to few outputs, or to all "
        "alike.",
        "asymptotic",
        "Without sampling error the law is p₀ to the power 1/Tⁿ.",
        verified("functional.tempered_probabilities", "functional.tempered_entropy"),
    ),
    Row(
        "riis2026",
        "Riis 2026",
        "Text of which a share α is replaced drifts like one of the effective size M/[2α(2 - α)], "
        "as for diploid genes.",
        "asymptotic",
        "In large pools. In small ones the size is that of the exact factor.",
        _large_pool,
    ),
    Row(
        "schaeffer2025",
        "Schaeffer et al. 2025",
        "Eight different things are called collapse.",
        "experiment",
        "A matter of words: which of them happens is said claim by claim in the ledger.",
    ),
    Row(
        "seddik2024",
        "Seddik et al. 2024",
        "The expected sum of squared probabilities of a resampled law is known in closed form.",
        "exact",
        "It is the decay of heterozygosity.",
        verified("categorical.expected_gini_simpson"),
    ),
    Row(
        "seddik2024",
        "Seddik et al. 2024",
        "The expected time until one category is left is at most 1 + H₀M(M - 1).",
        "bound",
        "As a bound; the time itself is at most about 2M.",
        _time_bound,
    ),
    Row(
        "seddik2024",
        "Seddik et al. 2024",
        "With a fixed real set and synthetic data besides, the same sum has a closed form.",
        "exact",
        "It says more than the bound in total variation: even endless synthetic data leave "
        "1/(1 + 1/2N) of the diversity of N real ones.",
        verified("realdata.real_set_diversity (K = 3)", "realdata.real_set_limit"),
    ),
    Row(
        "suresh2025rate",
        "Suresh et al. 2025",
        "With Poisson counts, an item is alive with probability 1 - exp(-M p g), g iterated.",
        "exact",
        "For multinomial counts it is a lower bound.",
        verified("categorical.survival_probability", "categorical.survival_constant"),
    ),
    Row(
        "xu2025probabilistic",
        "Xu et al. 2025",
        "Sample sizes must grow faster than linearly to keep diversity when data are replaced.",
        "asymptotic",
        "If and only if the sum of 1/M converges; the limit is known for powers.",
        verified("drift.diversity_kept", "mixing.growth_limit"),
    ),
    Row(
        "yi2026",
        "Yi et al. 2026",
        "A verifier pulls the model to its own centre, by a factor at each generation.",
        "bound",
        "With equality in one dimension, for small errors.",
        verified("selection.verified_error", "selection.verified_mean"),
    ),
    Row(
        "zhu2025",
        "Zhu et al. 2025",
        "Editing tokens of real text, in place of writing new text, keeps the error bounded.",
        "bound",
        "Needs a model that edits.",
    ),
)


def rows(keys=None):
    """Check the statements of the papers with these `keys`, by default all, in the order of `ROWS`.

    Each is `Checked`. ValueError if there is no such paper.
    """
    known = {row.key for row in ROWS}
    wanted = known if keys is None else set(keys)
    if wanted - known:
        raise ValueError(f"keys must be among {sorted(known)}, got {sorted(wanted - known)}")
    for row in ROWS:
        if row.key in wanted:
            yield Checked(row, row.check() if row.check else None)


HEAD = ("Paper", "Statement", "There", "Check", "Verdict")


class Table:
    """Checked rows, in their order, as a table."""

    def __init__(self, checked):
        self.checked = tuple(checked)

    def __repr__(self):
        return "\n".join(f"{c.row.paper}: {c.row.statement} {c.verdict}" for c in self.checked)

    def _repr_html_(self):
        names = "".join(f'<th scope="col">{name}</th>' for name in HEAD)
        body = "\n".join(_row(checked) for checked in self.checked)
        head = f"<thead><tr>{names}</tr></thead>"
        return f'<table class="ledger literature">{head}\n<tbody>{body}</tbody></table>'


def _row(checked):
    row, evidence = checked.row, checked.evidence
    numbers = "".join(
        f"<small>{escape(c.quantity)}: {c.predicted:.4g}, observed {c.observed:.4g}, "
        f"z = {c.z:+.1f}</small>"
        for c in (evidence.stated[:1] if evidence else ())
    )
    verdict = (
        f"<b>{SIGNS[checked.verdict]} {checked.verdict}</b><br><small>{escape(row.remark)}</small>"
    )
    values = (escape(row.statement), row.kind, numbers or "none", verdict)
    cells = zip(HEAD[1:], values, strict=True)
    cells = "".join(f'<td data-label="{name}">{cell}</td>' for name, cell in cells)
    return f'<tr><th scope="row">{escape(row.paper)}</th>{cells}</tr>'
