"""The ledger of claims: every statement of the paper, and its check where one exists."""

from collapse.claims import categorical, functional, gaussian, multivariate, vae
from collapse.claims.ledger import Entry, together
from collapse.claims.statements import STATEMENTS

# identifier -> (check, chapter that explains it)
CHECKS = {
    "C1": (categorical.tails_disappear, "words"),
    "C2": (vae.collapses, "vae"),
    "C4": (categorical.tails_first, "words"),
    "C5": (categorical.inevitable, "words"),
    "C6": (together(functional.errors_compound, vae.errors_compound), "functional"),
    "C7": (
        together(gaussian.statistical_error_vanishes, vae.statistical_error_vanishes),
        "gaussian",
    ),
    "C8": (together(functional.expressivity_acts_once, vae.expressivity_acts_once), "functional"),
    "C9": (
        together(functional.expressiveness_helps_and_hurts, vae.expressiveness_helps_and_hurts),
        "functional",
    ),
    "C10": (functional.rounding_matters_less, "functional"),
    "C11": (categorical.rare_states, "words"),
    "C12": (categorical.ends_in_a_point, "words"),
    "C13": (functional.discreteness, "functional"),
    "C14": (gaussian.variance_of_a_draw, "gaussian"),
    "C15": (together(gaussian.risk_diverges, multivariate.risk_diverges), "gaussian"),
    "C16": (gaussian.growing_samples, "gaussian"),
    "C17": (together(multivariate.variance_vanishes, gaussian.variance_vanishes), "dimensions"),
    "C18": (functional.noisy_lower_bounds, "dimensions"),
    "C19": (gaussian.pooling, "gaussian"),
    "C22": (vae.codes_gather, "vae"),
    "C30": (categorical.finite_experiments, "words"),
    "S1": (gaussian.tails_then_a_point, "gaussian"),
    "S2": (functional.two_sources, "functional"),
    "S3": (gaussian.errors_accumulate, "gaussian"),
    "S4": (vae.collapses, "vae"),
}

# claims without a check that a chapter discusses
DISCUSSED = {"C31": "errata"}


def entries(identifiers=None):
    """Yield the ledger's entries, running the checks.

    Parameters
    ----------
    identifiers : iterable of str, optional
        The claims wanted, all by default.

    Yields
    ------
    collapse.claims.ledger.Entry
        In the order of the ledger.

    Raises
    ------
    ValueError
        If there is no such claim.
    """
    known = [statement.identifier for statement in STATEMENTS]
    wanted = known if identifiers is None else list(identifiers)
    for identifier in wanted:
        if identifier not in known:
            raise ValueError(
                f"identifiers must be among C1 to C37 and S1 to S9, got {identifier!r}"
            )
    for statement in STATEMENTS:
        if statement.identifier in wanted:
            discussed = DISCUSSED.get(statement.identifier, "")
            check, chapter = CHECKS.get(statement.identifier, (None, discussed))
            yield Entry(statement, check() if check else None, chapter)
