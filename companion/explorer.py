"""The explorer: two families, three policies, and their exact laws, moved by hand in a page."""

from importlib import resources

from collapse.theory import mixing, realdata

_CHOICES = {
    "family": ("what is learned", {"words": "50 words", "gaussian": "a Gaussian"}),
    "policy": ("the data", {"replace": "are replaced", "accumulate": "accumulate"}),
    "ddof": ("the variance divides by", {"1": "M − 1 (ddof = 1)", "0": "M (ddof = 0)"}),
}
_SLIDERS = {
    "size": ("data of each generation (M)", 19, 9),
    "fresh": ("real and fresh among them", 19, 0),
    "generations": ("generations", 8, 6),
}
_SIZES, _GENERATIONS, _FRESH = (10, 100, 1000), 100, (0, 1, 10)


class Explorer:
    """Controls, a picture, a sentence and a call of the package, all computed by the page.

    Where no script runs, and as text, it is a table of the diversity that 100 generations keep.
    """

    def table(self):
        """Return the expected diversity kept: a heading, then a row for each sample size."""
        head = ("M", "replaced", "accumulated", *(f"{k} fresh" for k in _FRESH[1:]))
        rows = []
        for size in _SIZES:
            kept = [realdata.fresh_diversity(size, _GENERATIONS, k)[-1] for k in _FRESH]
            kept.insert(1, mixing.diversity_accumulated(size, _GENERATIONS)[-1])
            rows.append((f"{size:,}", *(f"{100 * share:.2g} %" for share in kept)))
        return (head, *rows)

    def __repr__(self):
        return "\n".join("; ".join(row) for row in self.table())

    def _repr_html_(self):
        script = (resources.files(__package__) / "explorer.js").read_text("utf-8")
        head, *rows = self.table()
        heading = "".join(f'<th scope="col">{cell}</th>' for cell in head)
        body = "".join(
            f'<tr><th scope="row">{size}</th>{"".join(f"<td>{kept}</td>" for kept in row)}</tr>'
            for size, *row in rows
        )
        caption = f"Expected diversity kept after {_GENERATIONS} generations, exact (ddof = 0)"
        return (
            '<div class="explorer calculator"><div class="live" hidden><form><fieldset>'
            f"<legend>Setting</legend>{''.join(map(_choice, _CHOICES))}"
            f"{''.join(map(_slider, _SLIDERS))}</fieldset></form>"
            '<p class="sentence" aria-live="polite"></p>'
            '<div class="picture" role="img"><div aria-hidden="true"></div></div>'
            "<details><summary>The same in Python</summary>"
            '<pre class="python"></pre></details></div>'
            '<details open class="numbers"><summary>As a table</summary>'
            f"<table><caption>{caption}</caption>"
            f"<thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table></details></div>"
            '<script src="../_static/vega.js"></script>'
            f"<script>(() => {{\n{script}}})();</script>"
        )


def _choice(name):
    """Return a labelled list of choices."""
    label, options = _CHOICES[name]
    listed = "".join(f'<option value="{value}">{text}</option>' for value, text in options.items())
    return f'<label><span>{label}</span> <select name="{name}">{listed}</select></label>'


def _slider(name):
    """Return a labelled slider over a list of values, which the script knows."""
    label, last, start = _SLIDERS[name]
    return (
        f'<label><span>{label}</span> <input type="range" name="{name}" min="0" max="{last}" '
        f'step="1" value="{start}"><output></output></label>'
    )
