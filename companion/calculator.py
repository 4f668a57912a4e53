"""The calculator of fresh real data, as a table and, in a page, with sliders."""

from dataclasses import dataclass
from importlib import resources

from collapse.theory import calculator as theory

_SIZES = (100, 10_000, 1_000_000)
_KEPT, _ODDS, _PRESENCE = (0.5, 0.9, 0.99), (1000, 100_000), 0.9
_SLIDERS = {
    "size": "size of each training set (M)",
    "kept": "diversity to keep",
    "odds": "probability of a rare item",
    "presence": "training sets that it is to be in",
}
_ANSWERS = {"diversity": "to keep the diversity", "item": "to keep the rare item"}


@dataclass(frozen=True)
class Calculator:
    """How many fresh real data each generation needs.

    Shown in a notebook or page it is four labelled sliders and two answers, computed by the page
    itself. Where no script runs, and as text, it is a table for three sample sizes.

    The sliders stand at first at `size`, the power of ten of the sample size (1 to 9); `kept`, the
    percentage of reality's diversity to keep (10 to 99.5); `odds`, the power of ten of one over the
    rare item's probability (1 to 9); and `presence`, the percentage of training sets that the item
    is to be in (10 to 99.5).
    """

    size: float = 4.0
    kept: float = 90.0
    odds: float = 3.0
    presence: float = 90.0

    def table(self):
        """Return the numbers of fresh real data: a heading, then a row for each sample size."""
        items = [f"item of 1 in {odds:,}, in {_PRESENCE:.0%} of the sets" for odds in _ODDS]
        head = ("M", *(f"{kept:.0%} of the diversity" for kept in _KEPT), *items)
        return (head, *((f"{size:,}", *map(_number, _needed(size))) for size in _SIZES))

    def __repr__(self):
        return "\n".join("; ".join(row) for row in self.table())

    def _repr_html_(self):
        script = (resources.files(__package__) / "calculator.js").read_text("utf-8")
        sliders = "".join(
            f'<label><span>{label}</span> <input type="range" name="{name}" {_range(name)} '
            f'value="{getattr(self, name)}"><output></output></label>'
            for name, label in _SLIDERS.items()
        )
        answers = "".join(
            f'<p>{label}: <output name="{name}" aria-live="polite"></output></p>'
            for name, label in _ANSWERS.items()
        )
        head, *rows = self.table()
        cells = "".join(f'<th scope="col">{cell}</th>' for cell in head)
        body = "".join(
            f'<tr><th scope="row">{size}</th>{"".join(f"<td>{n}</td>" for n in numbers)}</tr>'
            for size, *numbers in rows
        )
        table = f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"
        return (
            f'<div class="calculator"><form hidden><fieldset><legend>Given</legend>{sliders}'
            "</fieldset><fieldset><legend>Fresh real data per generation</legend>"
            f"{answers}</fieldset></form><details open><summary>As a table</summary>{table}"
            f"</details></div><script>(() => {{\n{script}}})();</script>"
        )


def _range(name):
    """Return the limits of a slider."""
    scale = (1, 9, 0.1) if name in {"size", "odds"} else (10, 99.5, 0.5)
    return 'min="{}" max="{}" step="{}"'.format(*scale)


def _needed(size):
    """Yield the numbers of fresh real data for the table, None where no number is enough."""
    for kept in _KEPT:
        possible = kept <= 1 - 1 / size
        yield size * theory.fresh_share_for_diversity(kept, size) if possible else None
    for odds in _ODDS:
        possible = theory.presence_probability(1 / odds, size, 1.0) >= _PRESENCE
        yield size * theory.fresh_share_for_item(1 / odds, size, _PRESENCE) if possible else None


def _number(value):
    """Return a number with two figures, or a word where there is none."""
    return "impossible" if value is None else f"{float(f'{value:.2g}'):,.10g}"
