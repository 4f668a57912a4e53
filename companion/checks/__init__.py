"""Every closed form of `collapse.theory` against its simulation, and against a wrong twin.

`REGISTRY` holds the entries, one module for each module of theory. The verification chapter is
generated from it, and a function of theory without an entry fails the tests.
"""

from companion.checks import (
    calculator,
    categorical,
    decoding,
    detection,
    effective,
    functional,
    gaussian,
    language,
    linear_vae,
    mixing,
    mixture,
    multivariate_gaussian,
    printed,
    realdata,
    regression,
    selection,
)

REGISTRY = (
    *categorical.ENTRIES,
    *gaussian.ENTRIES,
    *multivariate_gaussian.ENTRIES,
    *functional.ENTRIES,
    *mixture.ENTRIES,
    *decoding.ENTRIES,
    *language.ENTRIES,
    *linear_vae.ENTRIES,
    *mixing.ENTRIES,
    *realdata.ENTRIES,
    *effective.ENTRIES,
    *selection.ENTRIES,
    *regression.ENTRIES,
    *calculator.ENTRIES,
    *detection.ENTRIES,
    *printed.ENTRIES,
)


def run(names=None):
    """Check the entries of the registry, one after the other.

    `names`: the names of the entries, or of whole modules such as ``"gaussian"``. All by default.
    """
    wanted = None if names is None else set(names)
    known = {key for entry in REGISTRY for key in (entry.name, entry.module)}
    if wanted is not None and wanted - known:
        raise ValueError(f"names must be those of entries or modules, got {wanted - known}")
    for entry in REGISTRY:
        if wanted is None or {entry.name, entry.module} & wanted:
            yield entry.run()
