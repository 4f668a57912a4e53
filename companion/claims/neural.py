"""Checks of the claims about language models, on the stored runs of a pretrained network.

Differences are paired: the same held-out blocks, or the same prompts. Their standard errors are
over blocks, and say nothing of other seeds; the shares are over the runs that are stored.
"""

import numpy as np

from companion.claims.ledger import Evidence
from companion.comparison import Comparison, compare, share
from companion.neural import runs

CLEAR = 5.0  # standard errors
AXIS = np.log(42 / 34)  # the most that the axis of the paper's panel with real text has room for


def _of(policy, decoding="ancestral"):
    """Return the stored runs of a policy, without a penalty, that have a second generation."""
    wanted = {"policy": policy, "decoding": decoding, "penalty": 1.0}
    found = (run for run in runs().values() if wanted.items() <= run.record["settings"].items())
    return [run for run in found if run.last > 0]


def _clear(differences, least=0.0):
    """Say whether the mean of differences over blocks exceeds `least` clearly."""
    return compare("", least, differences).z > CLEAR


def _network(part, quantity, hits, control, condition):
    """Return evidence: what is claimed is seen in every stored run."""
    runs_of = "stored run" if len(hits) == 1 else "stored runs"
    return Evidence(
        part=f"{part}, pretrained network",
        scope="stored run",
        stated=(share(f"share of stored runs in which {quantity}", 1.0, hits),),
        control=control,
        condition=f"{len(hits)} {runs_of} of a network with 135 million weights: {condition}",
    )


def _rises():
    found = _of("replace")
    first = found[0]
    zero = compare("paired rise of the log perplexity on real text", 0.0, first.rise(first.last))
    before, after = np.exp(first.log_losses[[0, -1]].mean(axis=1))
    said = f"perplexity {before:.1f} to {after:.1f} in {first.last} generations"
    return found, [_clear(run.rise(run.last)) for run in found], zero, said


RISES = "the perplexity on real text rises under replace"


def language_models_collapse():
    """C2, S4: perplexity rises and variety falls."""
    found, hits, zero, said = _rises()
    fewer = [
        run.written("distinct tokens")[-1] < run.written("distinct tokens")[0] for run in found
    ]
    hits = [a and b for a, b in zip(hits, fewer, strict=True)]
    return _network("language models", f"{RISES} and distinct tokens fall", hits, zero, said)


def loses_performance():
    """C23: performance is lost, by fewer points than in the paper."""
    found, hits, zero, said = _rises()
    run = found[0]
    levels = np.exp(run.log_losses[[0, -1]].mean(axis=1))
    steps = levels[:, None] * run.log_losses[[0, -1]]  # the delta method
    error = (steps[1] - steps[0]).std(ddof=1) / np.sqrt(steps.shape[1])
    rise = float(levels[1] - levels[0])
    points = Comparison("rise in points, the lower end of 20 to 28", 20.0, rise, float(error))
    lost = _network("performance is lost", RISES, hits, zero, said)
    return [
        lost,
        Evidence(
            part="by 20 to 28 points of perplexity, pretrained network",
            scope="stored run",
            stated=(points,),
            corrected=lost.stated,
            control=points._replace(predicted=0.0),
            condition=f"here {rise:.1f} in {run.last} generations, on other text",
        ),
    ]


def keeping_real_text():
    """C24: with a tenth real, less than with none, and within the axis of the paper's panel."""
    found, alone = _of("fresh"), {r.record["settings"]["seed"]: r for r in _of("replace")}
    seeds = [run.record["settings"]["seed"] for run in found]
    pairs = [(run, alone[seed]) for run, seed in zip(found, seeds, strict=True) if seed in alone]
    gaps = []
    for run, other in pairs:
        last = min(run.last, other.last)
        gaps.append(other.log_losses[last] - run.log_losses[last])
    hits = [
        _clear(gap) and _clear(-run.rise(run.last), -AXIS)
        for gap, (run, _) in zip(gaps, pairs, strict=True)
    ]
    rise, most = pairs[0][0].rise(-1).mean(), pairs[0][1].rise(-1).mean()
    return _network(
        "the perplexity rises only a little",
        "the log perplexity rises by less than without real text and than ln(42/34)",
        hits,
        compare("paired gap of the log perplexities with and without real text", 0.0, gaps[0]),
        f"its logarithm rises by {rise:.3f}, by {most:.3f} without real text",
    )


def _judged(run):
    """Return how much less probable each prompt's continuation became, in the logarithm."""
    return np.log(run.judged[-1]) - np.log(run.judged[0])


def improbable_and_forgotten():
    """S6: text becomes improbable under generation 0, and has fewer tokens."""
    found = _of("replace")
    tokens = [run.written("distinct tokens") for run in found]
    hits = [_clear(_judged(r)) and t[-1] < t[0] for r, t in zip(found, tokens, strict=True)]
    low, high = np.median(found[0].judged[[0, -1]], axis=1)
    return _network(
        "improbable text comes and variety goes",
        "text sampled from the whole law becomes less probable and loses distinct tokens",
        hits,
        compare("paired rise of its log perplexity under generation 0", 0.0, _judged(found[0])),
        f"median perplexity under generation 0 from {low:.0f} to {high:.0f}, distinct tokens from "
        f"{tokens[0][0]:,} to {tokens[0][-1]:,}",
    )


def probable_and_improbable():
    """C25: sampled from the whole law, text does not become more probable under generation 0."""
    found = _of("replace")
    less = [_clear(_judged(run)) for run in found]
    more = [_clear(-_judged(run)) for run in found]
    beams = ""
    for run in _of("replace", "beam")[:1]:
        low, high = np.quantile(run.judged[0], [0.05, 0.95])
        low, high = (run.judged[-1] < low).mean(), (run.judged[-1] > high).mean()
        beams = f"; with beam search, as in the paper, {low:.0%} and {high:.0%} of the blocks of "
        beams += f"generation {run.last} lie in the lowest and highest 5 % of generation 0"
    quantity = "share of stored runs in which sampled text becomes {} probable"
    return Evidence(
        part="text becomes more probable, pretrained network, sampled from the whole law",
        scope="stored run",
        stated=(share(quantity.format("more"), 1.0, more),),
        corrected=(share(quantity.format("less"), 1.0, less),),
        control=compare(
            "paired rise of its log perplexity under generation 0", 0.0, _judged(found[0])
        ),
        condition=f"it becomes less probable{beams}",
    )


def learns_part():
    """C26: after all generations it is still better than the untuned network."""
    found = _of("replace")
    gains = [np.array(r.record["untuned"]["log losses"]) - r.log_losses[-1] for r in found]
    share_kept = gains[0].mean() / (gains[0] + found[0].rise(-1)).mean()
    return _network(
        "part is learned",
        "the last generation predicts real text better than the untuned network",
        [_clear(gain) for gain in gains],
        compare(
            "paired gain in log perplexity over the untuned network, against all of it",
            (gains[0] + found[0].rise(-1)).mean(),
            gains[0],
        ),
        f"{share_kept:.0%} of what generation 0 gained is left after {found[0].last} generations",
    )


def repetition_is_not_the_cause():
    """C27: it gets worse on text that repeats itself no more than real text does."""
    found, hits, zero, said = _rises()
    real = found[0].record["real"]["repetition"]
    most = [run.written("repetition").max() for run in found]
    hits = [a and m <= real for a, m in zip(hits, most, strict=True)]
    return _network(
        "without repetition it still collapses",
        "the perplexity rises although no generation repeats itself more than real text",
        hits,
        zero,
        f"{said}, with at most {most[0]:.2%} repeated sequences of four, real text {real:.2%}",
    )


def tuning_does_not_protect():
    """C28, S5: it gets worse although each generation starts from the pretrained weights."""
    _, hits, zero, said = _rises()
    return _network("tuned anew in each generation", RISES, hits, zero, said)


def early_signs_only():
    """C29: worse, and poorer in words, but far from a point."""
    found, hits, zero, said = _rises()
    kept = [r.written("distinct tokens")[-1] / r.record["real"]["distinct tokens"] for r in found]
    hits = [a and k > 0.5 for a, k in zip(hits, kept, strict=True)]
    what = f"{RISES} and more than half as many distinct tokens are left as in real text"
    return _network("early signs", what, hits, zero, f"{said}; {kept[0]:.0%} of the tokens left")
