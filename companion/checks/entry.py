"""What an entry of the verification is, and the two ways to check one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from collapse.seeds import seeded
from companion.comparison import Comparison, compare
from companion.remembered import remembered


@dataclass(frozen=True)
class Entry:
    """A closed form, the setting in which it is checked, and the check.

    `function`: the function of `collapse.theory`. `formula`: its formula in TeX, short. `status`:
    ``exact``, ``asymptotic in ...``, ``bound`` or ``printed``: a formula of the paper that is
    wrong, or right to first order only. Of a printed formula the control is the formula itself,
    and the comparison what is right. `setting`: what is simulated, in words. `check`: ``check()``
    returns two comparisons: with the prediction, and with a plausible wrong one. `case`: what
    tells apart several entries of one function.
    """

    function: Callable
    formula: str
    status: str
    setting: str
    check: Callable
    case: str = ""

    @property
    def module(self):
        """The module of the function, its last part."""
        return self.function.__module__.rpartition(".")[2]

    @property
    def name(self):
        """Module, function and case."""
        return f"{self.module}.{self.function.__name__}{self.case and f' ({self.case})'}"

    @property
    def numerical(self):
        """Whether rounding, and not chance, is what the comparison allows for."""
        return isinstance(self.check, Computed)

    def run(self):
        """Check, and return the `Result`."""
        return Result(self, *remembered(f"checks.{self.name}", self.check))


class Result(NamedTuple):
    """An entry and its two comparisons, the second of which must be refuted."""

    entry: Entry
    comparison: Comparison
    control: Comparison

    def row(self):
        """Return the result as a flat dict, for a table."""
        return {
            "name": self.entry.name,
            "formula": self.entry.formula,
            "status": self.entry.status,
            "setting": self.entry.setting,
            "numerical": self.entry.numerical,
            "predicted": self.comparison.predicted,
            "observed": self.comparison.observed,
            "standard_error": self.comparison.standard_error,
            "z": self.comparison.z,
            "control": self.control.quantity,
            "control_z": self.control.z,
        }


@dataclass(frozen=True)
class Simulated:
    """Compare the mean of independent values with what theory says.

    `seed`: the seed, of this check alone. `quantity`: what is observed. `observe`:
    ``observe(rng)`` returns one value for each chain; it does not know theory. `predict`:
    ``predict()`` returns the prediction. `wrong`: what is wrong with the control, in words.
    `control`: ``control()`` returns the wrong prediction.
    """

    seed: int
    quantity: str
    observe: Callable
    predict: Callable
    wrong: str
    control: Callable

    def __call__(self, values=None):
        """Return comparison and control, of fresh values unless some are given."""
        values = self.observe(seeded(self.seed)) if values is None else values
        return (
            compare(self.quantity, self.predict(), values),
            compare(self.wrong, self.control(), values),
        )


@dataclass(frozen=True)
class Computed:
    """Compare a number that another method computes: rounding takes the part of chance.

    `quantity`: what is computed. `observe`: ``observe()`` returns the number. `error`: A bound of
    its rounding error, in the place of a standard error. `predict`: ``predict()`` returns the
    prediction. `wrong`: what is wrong with the control, in words. `control`: ``control()`` returns
    the wrong prediction.
    """

    quantity: str
    observe: Callable
    error: float
    predict: Callable
    wrong: str
    control: Callable

    def __call__(self):
        """Return comparison and control."""
        observed = float(self.observe())
        return (
            Comparison(self.quantity, float(self.predict()), observed, self.error),
            Comparison(self.wrong, float(self.control()), observed, self.error),
        )


def law(
    function,
    formula,
    setting,
    seed,
    quantity,
    observe,
    arguments,
    wrong,
    *,
    at=-1,
    of=None,
    status="exact",
    case="",
):
    """Make an entry from a row of data: theory's arguments, and what is wrong with the control.

    Theory predicts ``function(**arguments)``, at the index `at` where that is an array, or what
    `of` makes of it. `wrong` is a dict of other arguments for the control, which is then described
    as ``ddof=1 for ddof=0``, or a pair of words and the wrong number (or a callable that returns
    it).
    """

    def predict(**changed):
        found = function(**{**arguments, **changed})
        found = found[at] if getattr(found, "ndim", 0) else found
        return found if of is None else of(found)

    if isinstance(wrong, dict):
        words = ", ".join(
            f"{name}={new} for {name}={arguments[name]}" for name, new in wrong.items()
        )
        control = partial(predict, **wrong)
    else:
        words, number = wrong
        control = number if callable(number) else lambda: number
    check = Simulated(seed, quantity, observe, predict, words, control)
    return Entry(function, formula, status, setting, check, case)
