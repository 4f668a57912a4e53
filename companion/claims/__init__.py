"""The ledger of claims: every statement of the paper, and its check where one exists."""

from companion.claims import (
    categorical,
    detection,
    functional,
    gaussian,
    language,
    mixing,
    mixture,
    multivariate,
    vae,
)
from companion.claims.ledger import Entry, together
from companion.claims.statements import STATEMENTS

# identifier -> (check, chapter that explains it)
CHECKS = {
    "C1": (categorical.tails_disappear, "words"),
    "C2": (
        together(mixture.mixtures_collapse, vae.collapses, language.language_models_collapse),
        "mixture",
    ),
    "C4": (categorical.tails_first, "words"),
    "C5": (categorical.inevitable, "workflows"),
    "C6": (together(functional.errors_compound, vae.errors_compound), "functional"),
    "C7": (
        together(gaussian.statistical_error_vanishes, vae.statistical_error_vanishes),
        "gaussian",
    ),
    "C8": (together(functional.expressivity_acts_once, vae.expressivity_acts_once), "functional"),
    "C9": (
        together(
            functional.expressiveness_helps_and_hurts,
            mixture.components_help_and_hurt,
            vae.expressiveness_helps_and_hurts,
        ),
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
    "C19": (together(gaussian.pooling, mixing.mixing_attenuates), "workflows"),
    "C20": (mixture.point_within_two_thousand, "mixture"),
    "C21": (mixture.distance_grows, "mixture"),
    "C22": (vae.codes_gather, "vae"),
    "C23": (language.loses_performance, "language"),
    "C24": (together(language.keeping_real_text, mixing.kept_tenth), "realdata"),
    "C25": (language.probable_and_improbable, "language"),
    "C26": (language.learns_part, "language"),
    "C27": (language.repetition_is_not_the_cause, "language"),
    "C28": (language.tuning_does_not_protect, "language"),
    "C29": (language.early_signs_only, "language"),
    "C30": (categorical.finite_experiments, "words"),
    "C32": (detection.people_needed, "provenance"),
    "C34": (detection.first_come, "provenance"),
    "C36": (detection.tracking_together, "provenance"),
    "S1": (gaussian.tails_then_a_point, "gaussian"),
    "S2": (together(functional.two_sources, mixture.two_sources), "functional"),
    "S3": (gaussian.errors_accumulate, "gaussian"),
    "S4": (
        together(mixture.mixtures_collapse, vae.collapses, language.language_models_collapse),
        "mixture",
    ),
    "S5": (language.tuning_does_not_protect, "language"),
    "S6": (language.improbable_and_forgotten, "language"),
    "S7": (detection.people_needed, "provenance"),
    "S9": (detection.telling_apart, "provenance"),
}

# claims without a check that a chapter discusses
DISCUSSED = {
    "C31": "errata",
    "C3": "provenance",
    "C33": "provenance",
    "C35": "provenance",
    "C37": "provenance",
    "S8": "provenance",
}


def entries(identifiers=None):
    """Yield the ledger's entries, running the checks.

    `identifiers`: the claims wanted, all by default.
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
