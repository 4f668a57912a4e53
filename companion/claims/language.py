"""Checks of the claims about language models, on n-gram models: each returns its evidence.

The text is a random part of the book's corpus. Only the check of C37 trains a network.
"""

from dataclasses import replace as changed
from functools import cache

import numpy as np

from collapse.measure.distances import alive, corpus_perplexity, gini_simpson, perplexity
from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.neural_language import FitNeuralLanguage
from collapse.models.ngram.counts import FitNGram
from collapse.models.ngram.decoding import Ancestral, Beam, Temperature
from collapse.models.ngram.smoothing import KneserNey, MaximumLikelihood
from collapse.policies import KeepReal
from collapse.recursion import recurse
from collapse.seeds import seeded
from collapse.theory import categorical
from collapse.theory import language as theory
from companion.claims.ledger import Evidence
from companion.comparison import compare, share
from companion.datasets import corpus
from companion.experiments.language import Texts, rewrite

CHAINS = 10


def _where():
    """Say what the evidence is of."""
    return f"n-gram models, not neural ones, on {corpus().name}"


@cache
def _texts():
    """Return real text, the same for every check: 32,000 words, and some that are held out."""
    texts, rng = Texts.of(corpus().documents, seeded(600), most=60_000), seeded(613)
    train, test = (rng.permutation(part)[:500] for part in (texts.train, texts.test))
    return changed(texts, train=train, test=test)


def _run(seed, *, fit=None, generations=10, chains=CHAINS, **options):
    """Run the experiment, with smoothed trigrams by default."""
    texts, rng = _texts(), seeded(seed)
    fit = fit or FitNGram(3, len(texts.vocabulary))
    return rewrite(texts, fit, rng=rng, generations=generations, chains=chains, **options)


@cache
def _trigrams():
    """Return ten generations of smoothed trigrams that learn from their own text."""
    return _run(601)


def _word_counts():
    texts = _texts()
    return np.bincount(texts.train.ravel(), minlength=len(texts.vocabulary))


@cache
def _decay(seed):
    """Return the words alive under maximum likelihood, by generation and chain, and the law."""
    fit = FitNGram(3, len(_texts().vocabulary), MaximumLikelihood())
    run = _run(seed, fit=fit, generations=6, chains=24)
    return run.measured["words"], theory.expected_words(_word_counts(), 6)


def language_models_collapse():
    """C2, for n-grams: the vocabulary dies, as the exact law for single words says."""
    words, law = _decay(602)
    quantity = "distinct words in what generation {} of a trigram model learns from"
    late = compare(quantity.format(6), law[6], words[6])
    return Evidence(
        part="language models, n-grams",
        scope="analogue",
        stated=(late, compare(quantity.format(3), law[3], words[3])),
        control=late._replace(predicted=law[5]),
        condition=f"{_where()}: of "
        f"{law[1]:.0f} words {late.observed:.0f} are left after 6 generations",
    )


def loses_performance():
    """C23: a model that learns from generated text alone gets worse on real text."""
    rise = _trigrams().measured["perplexity"]
    points = rise[10] - rise[1]
    # words without context: exact
    p, size = Categorical(np.array([8, 4, 2, 1, 1]) / 16), 40
    run = recurse(
        p,
        FitCategorical(5),
        sample_size=size,
        generations=10,
        chains=4000,
        rng=seeded(603),
        keep=(),
    )
    scores = -np.log((size * run.newest.probabilities + 1) / (size + 5)) @ p.probabilities
    exact = theory.expected_cross_entropy(p.probabilities, size, 10, added=1.0)
    worse = share("share of runs whose perplexity on real text rises", 1.0, points > 0)
    nats = compare("cross-entropy after 10 generations, words without context", exact[10], scores)
    number = compare("rise in points of perplexity, the paper's 20 to 28", 24.0, points)
    return [
        Evidence(
            part="performance is lost",
            scope="analogue",
            stated=(worse, nats),
            control=nats._replace(predicted=exact[1]),
            condition=f"{_where()}: of a smoothed trigram model the perplexity goes from "
            f"{rise[1].mean():.0f} to {rise[10].mean():.0f} in 10 generations",
        ),
        Evidence(
            part="by 20 to 28 points of perplexity",
            scope="analogue",
            stated=(number,),
            corrected=(worse,),
            control=number._replace(predicted=0.0),
            condition="the number of points belongs to the paper's model and text, and does not "
            f"carry over: here {points.mean():.0f}",
        ),
    ]


def keeping_real_text():
    """C24: a tenth of the real text, kept in every generation."""
    texts = _texts()
    counts, size = _word_counts(), texts.train.size
    kept = size // 10
    rng, found = seeded(604), []
    for _ in range(4 * CHAINS):
        text = counts
        for _ in range(9):
            real = rng.multivariate_hypergeometric(counts, kept, method="marginals")
            text = real + rng.multinomial(size - kept, text / size)
        found.append(np.count_nonzero(text))
    law, without = theory.expected_words(counts, 10, share=0.1), theory.expected_words(counts, 10)
    words = compare("words alive after 10 generations, a tenth real", law[10], found)
    run = _run(605, policy=KeepReal(0.1, texts.train), chains=8)
    rise, alone = run.measured["perplexity"], _trigrams().measured["perplexity"]
    ratio = compare(
        "log ratio of the perplexities of generations 10 and 1 of a smoothed trigram model, a "
        "tenth real, against the most that the axis of the paper's panel has room for",
        np.log(42 / 34),
        np.log(rise[10] / rise[1]),
    )
    most = np.log(alone[10] / alone[1]).min()
    better = share(
        "share of runs with a tenth real whose ratio is below all of those without",
        1.0,
        np.log(rise[10] / rise[1]) < most,
    )
    return [
        Evidence(
            part="words stay",
            scope="analogue",
            stated=(words,),
            control=words._replace(predicted=without[10]),
            condition=f"{_where()}, words without context: {law[10] / law[1]:.0%} of them stay, "
            f"and {without[10] / law[1]:.0%} without real text",
        ),
        Evidence(
            part="the perplexity rises only a little",
            scope="analogue",
            stated=(ratio,),
            corrected=(better,),
            control=ratio._replace(predicted=0.0),
            condition="not for a trigram model that starts from nothing: it goes from "
            f"{rise[1].mean():.0f} to {rise[10].mean():.0f}, to {alone[10].mean():.0f} without "
            "real text",
        ),
    ]


def _moved(seed, smoothing, decoder, generations=5):
    """Return for each chain by how much the probable, and the improbable, end of its text grew.

    The text of the last generation is scored by the first, smoothed model, and the ends, 5 % and
    1 %, are those of the text of generation 1.
    """
    texts = _texts()
    fit = FitNGram(2, len(texts.vocabulary), smoothing)
    judge = FitNGram(2, len(texts.vocabulary))(texts.train).broadcast(CHAINS)
    options, rng = {"decoder": decoder, "keep": (1, generations)}, seeded(seed + 50)
    run = _run(seed, fit=fit, generations=generations, **options)
    early, late = (
        perplexity(judge, run[n].generate(2000, rng, decoder, None)) for n in (1, generations)
    )
    low, high = np.quantile(early, [0.05, 0.99])
    return (late < low).mean(axis=-1) - 0.05, (late > high).mean(axis=-1) - 0.01


SMOOTH, PLAIN, COOL = KneserNey(), MaximumLikelihood(), Temperature(0.975)
TAIL, BULK = "improbable hundredth", "probable twentieth"


@cache
def _histograms():
    """Return what moved with smoothing and temperature, with either alone, and with neither."""
    return {
        "smoothed bigrams at T = 0.975": _moved(606, SMOOTH, COOL),
        "smoothed bigrams at T = 1": _moved(607, SMOOTH, Ancestral()),
        "unsmoothed bigrams at T = 0.975": _moved(608, PLAIN, COOL),
    }


def _grew(name, setting):
    """Compare the share of runs in which a part of the histogram grew."""
    moved = _histograms()[setting][name == TAIL]
    quantity = f"share of runs in which the {name} grew, {setting}"
    return share(quantity, 1.0, moved > 0)


def probable_and_improbable():
    """C25: text gets more probable under the first model, and grows an improbable tail."""
    both, flat, sharp = _histograms()
    probable = _grew(BULK, both)
    return Evidence(
        scope="analogue",
        stated=(probable, _grew(TAIL, both)),
        outside=(_grew(BULK, flat), _grew(TAIL, sharp)),
        control=probable._replace(predicted=0.0),
        condition=f"{_where()}, and for a model that is smoothed and sampled below temperature 1, "
        "after 5 generations: smoothing alone grows the improbable tail, a low temperature alone "
        "makes text more probable",
    )


def improbable_and_forgotten():
    """S6: improbable sequences come, and the tails of the original go."""
    _, flat, sharp = _histograms()
    words, law = _decay(602)
    tail, lost = _grew(TAIL, flat), compare("words alive after 6 generations", law[6], words[6])
    return Evidence(
        scope="analogue",
        stated=(tail, lost._replace(quantity=f"{lost.quantity}, trigrams without smoothing")),
        outside=(_grew(TAIL, sharp),),
        control=lost._replace(predicted=law[5]),
        condition=f"{_where()}: improbable sequences come from smoothing, which gives mass to what "
        "was never seen; the tails go by chance, and without smoothing no improbable sequences "
        "come with that",
    )


def learns_part():
    """C26: part of the task is still learned."""
    texts, size = _texts(), len(_texts().vocabulary)
    run = _trigrams().measured["perplexity"]
    gained = np.log(size / run[1:])
    kept = gained[9] / gained[0]
    better = share("share of runs better than guessing after 10 generations", 1.0, gained[9] > 0)
    single = corpus_perplexity(FitNGram(1, size)(texts.train), texts.test)
    return Evidence(
        scope="analogue",
        stated=(better,),
        control=better._replace(predicted=0.0),
        condition=f"{_where()}: a smoothed trigram model keeps {kept.mean():.0%} of the nats that "
        f"generation 1 gained over guessing; its perplexity of {run[10].mean():.0f} compares with "
        f"{single:.0f} for a count of single real words",
    )


def repetition_is_not_the_cause():
    """C27: a penalty on repetition takes the repetition away, and not the collapse."""
    whole, runs = _texts(), 20
    fit, rng = FitNGram(3, len(whole.vocabulary)), seeded(609)
    found = {1.0: [], 2.0: []}
    for _ in range(runs):
        train = whole.train[rng.permutation(len(whole.train))[:100]]
        first = fit(train)
        for penalty, values in found.items():
            text = first.generate(40, rng, Beam(5, penalty), train[:40])
            repeated = np.mean([1 - len(np.unique(block)) / len(block) for block in text])
            words = len(np.unique(text)) / len(np.unique(train[:40]))
            values.append((repeated, words, corpus_perplexity(fit(text), whole.test)))
    plain, penalised = (np.array(values).T for values in found.values())
    real = np.mean([1 - len(np.unique(block)) / len(block) for block in whole.train])
    gone = share(
        "share of runs in which a penalty of 2.0 lowers the share of repeated words",
        1.0,
        penalised[0] < plain[0],
    )
    poorer = share(
        "share of runs that lose more than a third of the words in one generation, penalty 2.0",
        1.0,
        penalised[1] < 2 / 3,
    )
    ratio = compare(
        "log ratio of the perplexities with a penalty of 2.0 and without",
        np.log(2),
        np.log(penalised[2] / plain[2]),
    )
    return [
        Evidence(
            part="without repetition it still collapses",
            scope="analogue",
            stated=(gone, poorer),
            control=gone._replace(predicted=0.0),
            condition=f"{_where()}: beam search repeats {plain[0].mean():.0%} of its words, with "
            f"the penalty {penalised[0].mean():.0%}, real text {real:.0%}; yet of the words of a "
            f"text only {penalised[1].mean():.0%} are left after one generation "
            f"({plain[1].mean():.0%} without)",
        ),
        Evidence(
            part="the penalty doubles the perplexity",
            scope="analogue",
            stated=(ratio,),
            corrected=(
                share("share of runs in which the penalty lowers it", 1.0, penalised[2] < plain[2]),
            ),
            control=ratio._replace(predicted=0.0),
            condition=f"here it lowers it, by a factor of {np.exp(ratio.observed):.2f}: part of "
            "the loss is due to repetition",
        ),
    ]


def tuning_does_not_protect():
    """C28, S5: tuning a pretrained model slows collapse; only starting anew stops it."""
    size, weight, generations = 50, 50, 400
    text = 1 / np.arange(1, 51)
    text, pretrained = text / text.sum(), np.full(50, 1 / 50)
    tuning = {"prior": pretrained, "weight": float(weight)}

    def left(seed, carried_on, chains=1000):
        rng = seeded(seed)
        law = np.tile(text, (chains, 1))
        for n in range(generations):
            start = law if carried_on and n else pretrained
            law = (rng.multinomial(size, law) + weight * start) / (size + weight)
            law /= law.sum(axis=-1, keepdims=True)
        return gini_simpson(Categorical(law))

    exact = theory.carried_on_gini_simpson(text, size, generations, **tuning)
    anew = theory.tuned_gini_simpson(text, size, generations, **tuning)
    quantity = f"diversity after {generations} generations of tuning that is {{}}, M=50, W=50"
    carried = compare(quantity.format("carried on"), exact[-1], left(610, True))
    restarted = compare(quantity.format("started anew"), exact[-1], left(611, False))
    return Evidence(
        scope="analogue",
        stated=(carried,),
        outside=(restarted,),
        control=carried._replace(predicted=exact[generations // 2]),
        condition=f"{_where()}, words without context, and when each generation goes on tuning the "
        f"last one: {exact[-1] / exact[1]:.0%} of the diversity is left. Started anew from the "
        f"pretrained model each time, it stays at {anew[-1]:.2f} for ever, and what was "
        "learned by tuning is forgotten",
    )


def from_scratch():
    """C37: language models that are trained from scratch, a small network and n-grams."""
    few, generations = _texts().cut(words=300, most=80), 3
    size = len(few.vocabulary)
    network, found = FitNeuralLanguage(size, context=2, width=16, units=32), []
    named = f"a network of {network.shape.size:,} parameters, trained here"
    for seed, (name, fit) in enumerate({named: network, "n-grams": FitNGram(3, size)}.items(), 614):
        run = rewrite(few, fit, rng=seeded(seed), generations=generations, chains=CHAINS)
        first, last = run.measured["perplexity"][[1, generations]]
        quantity = f"share of runs whose perplexity on real text rises in {generations} generations"
        found.append(
            Evidence(
                part=f"{name}, from scratch in every generation",
                scope="analogue",
                stated=(share(quantity, 1.0, last > first),),
                control=compare("rise of the log perplexity", 0.0, np.log(last / first)),
                condition=f"on {few.train.size:,} words of {corpus().name} the perplexity goes "
                f"from {first.mean():.0f} to {last.mean():.0f}; of larger models this says nothing",
            )
        )
    return found


def early_signs_only():
    """C29: the tail goes within ten generations, the diversity does not."""
    counts = _word_counts()
    p, size = counts / counts.sum(), int(counts.sum())
    run = recurse(
        Categorical(p),
        FitCategorical(len(p)),
        sample_size=size,
        generations=9,
        chains=200,
        rng=seeded(612),
        keep=(),
    ).newest
    law = categorical.expected_alive(p, size, 9)
    diversity = categorical.expected_gini_simpson(p, size, 9)
    words = compare("words alive after 10 generations", law[-1], alive(run))
    spread = compare("diversity after 10 generations", diversity[-1], gini_simpson(run))
    return Evidence(
        scope="analogue",
        stated=(words, spread),
        control=words._replace(predicted=law[-2]),
        condition=f"{_where()}, words without context: {law[-1] / law[0]:.0%} of the words are "
        f"left, and {diversity[-1] / diversity[0]:.2%} of the diversity; a late collapse would "
        f"take about {2 * size:,} generations",
    )
