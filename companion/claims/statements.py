"""The claims of the paper and the ledger's summary statements, in our own words."""

from companion.claims.ledger import Statement

_SOCIETY = "A statement about society; discussed in the chapter, not computed."

# In order: identifier, text, source, kind, untested.
STATEMENTS = (
    Statement(
        "C1",
        (
            "Training on generated content without discrimination leaves defects that cannot be "
            "undone: the tails of the original distribution disappear."
        ),
        'Abstract of arXiv v2 and Nature ("indiscriminate" is in Nature only)',
        "proof, simulation, language model",
        "",
    ),
    Statement(
        "C2",
        (
            "The effect occurs in Gaussian mixtures, in variational autoencoders and in large "
            "language models."
        ),
        "Abstract of arXiv v2 and Nature",
        "simulation, small network, language model",
        "",
    ),
    Statement(
        "C3",
        (
            "Collapse is found throughout generative models that are trained recursively on what "
            "earlier generations produced."
        ),
        "Abstract of arXiv v2 and Nature; arXiv v2 section 4; Nature, Theoretical intuition",
        "discussion",
        (
            "Argued in the paper, not proved; some families cannot settle a statement about all. "
            "Discussed in the chapter."
        ),
    ),
    Statement(
        "C4",
        (
            "The tails go first; after that, what is learned converges over the generations to a "
            "point estimate with very small variance."
        ),
        "arXiv v2 section 1; Nature, opening section",
        "proof, simulation",
        "",
    ),
    Statement(
        "C5",
        (
            "Collapse is inevitable even when conditions are close to ideal, that is, when the "
            "fit makes no error of its own."
        ),
        "arXiv v2 section 1; Nature, opening section",
        "proof, simulation",
        "",
    ),
    Statement(
        "C6",
        (
            "Several kinds of error, two in the preprint and three in the journal, compound from "
            "generation to generation."
        ),
        "arXiv v2 section 3.1; Nature, What is model collapse?",
        "proof, simulation",
        "",
    ),
    Statement(
        "C7",
        (
            "The statistical error, from finite samples, is the primary one and vanishes as the "
            "sample grows; without it, the preprint adds, nothing changes after the first "
            "generation."
        ),
        "arXiv v2 sections 3 and 3.1; Nature, What is model collapse?",
        "proof, simulation",
        "",
    ),
    Statement(
        "C8",
        (
            "If limited expressiveness of the model family is the only error, it can act only at "
            "the first generation."
        ),
        "Nature, What is model collapse?",
        "proof",
        "",
    ),
    Statement(
        "C9",
        (
            "More expressive models can help or hurt: they may cancel the noise of earlier "
            "generations or amplify it, as when overfitting puts mass where there is no data."
        ),
        "arXiv v2 section 3.1; Nature, What is model collapse?",
        "simulation",
        "",
    ),
    Statement(
        "C10",
        "Errors of floating-point arithmetic exist too, but matter less than the others.",
        (
            "arXiv v2 section 3.1; Nature, What is model collapse? (the preprint alone calls them "
            "small)"
        ),
        "simulation",
        "",
    ),
    Statement(
        "C11",
        (
            "States with a probability of about 1/M or less are in practice lost when M values "
            "are resampled."
        ),
        "arXiv v2 section 4.1; Nature, Discrete distributions with exact approximation",
        "proof, simulation",
        "",
    ),
    Statement(
        "C12",
        (
            "Resampling a discrete distribution again and again ends, with probability 1, in a "
            "point mass, and at state i with that state's original probability."
        ),
        (
            "arXiv v2 section 4.1 and appendix A.1; Nature, Discrete distributions with exact "
            "approximation"
        ),
        "proof, simulation",
        "",
    ),
    Statement(
        "C13",
        (
            "Numbers in a computer are discrete, so the argument for discrete distributions "
            "carries over to every model that can represent a point mass."
        ),
        "arXiv v2 footnote 3; Nature, main text",
        "simulation, discussion",
        "",
    ),
    Statement(
        "C14",
        (
            "For a Gaussian in one dimension the variance of a draw grows like that of a random "
            "walk: after n generations it is σ² (1 + n/M), up to higher orders."
        ),
        "arXiv v2 section 4.2; Supplementary Information (second-hand)",
        "proof, simulation",
        "",
    ),
    Statement(
        "C15",
        (
            "With a constant sample size the expected squared Wasserstein distance between the "
            "fitted Gaussian and the original grows without bound."
        ),
        "arXiv v2 section 4.2; Nature, Multidimensional Gaussian (Theorem 3.1)",
        "proof, simulation",
        "",
    ),
    Statement(
        "C16",
        (
            "For the distance to stay finite the sample size must grow superlinearly with the "
            "generations, and even then an error remains."
        ),
        "arXiv v2 sections 4.2 and 4.3; Supplementary Information (second-hand)",
        "proof",
        "",
    ),
    Statement(
        "C17",
        (
            "The fitted covariance tends to zero almost surely, whatever the original "
            "distribution, provided that the first sample has a non-zero variance."
        ),
        "Nature, Multidimensional Gaussian (Theorem 3.1)",
        "proof, simulation",
        "",
    ),
    Statement(
        "C18",
        (
            "The same sum over 1/M bounds the expected distance from below for every model whose "
            "mean is the sample mean plus noise that is uncorrelated with it or small, of order "
            "1/M."
        ),
        "arXiv v2 section 4.3 and appendix A.2; Supplementary Information (second-hand)",
        "proof",
        "",
    ),
    Statement(
        "C19",
        (
            "Pooling or mixing the data of several generations weakens the changes but does not "
            "remove them."
        ),
        "arXiv v2 section 4.2, Figs 5 and 6; Supplementary Information (second-hand)",
        "proof, simulation",
        "",
    ),
    Statement(
        "C20",
        (
            "A Gaussian mixture misrepresents reality within 50 generations and is close to a "
            "point by generation 2000."
        ),
        "arXiv v2 section 5.1, Fig. 7; Supplementary Information (second-hand)",
        "simulation",
        "",
    ),
    Statement(
        "C21",
        (
            "The L2 distance between the first Gaussian mixture and its descendants grows over "
            "the generations, faster for smaller samples."
        ),
        "arXiv v2 Fig. 13; Supplementary Information (second-hand)",
        "simulation",
        "",
    ),
    Statement(
        "C22",
        (
            "After about 20 generations of a variational autoencoder the digits blend into one "
            "another, and their codes, read by the first encoder, gather around the mean."
        ),
        "arXiv v2 section 5.1, Figs 8 and 9; Supplementary Information (second-hand)",
        "small network",
        "",
    ),
    Statement(
        "C23",
        (
            "A language model fine-tuned on generated text alone loses performance; the paper "
            "speaks of 20 to 28 points of perplexity."
        ),
        "arXiv v2 section 5.2; Nature, Model collapse in language models",
        "language model",
        "",
    ),
    Statement(
        "C24",
        (
            "When 10 % of the original data are kept in every generation, the language model "
            "degrades only a little."
        ),
        "arXiv v2 section 5.2; Nature, Model collapse in language models",
        "language model, simulation, proof",
        "",
    ),
    Statement(
        "C25",
        (
            "Over the generations the generated text becomes more probable under the first model, "
            "and at the same time grows a long tail of text that is improbable under it."
        ),
        "arXiv v2 section 5.2, Fig. 11; Nature, Model collapse in language models, Fig. 1",
        "language model, simulation",
        "",
    ),
    Statement(
        "C26",
        "Models trained on generated data still learn part of the original task.",
        "arXiv v2 section 5.2; Nature, Model collapse in language models",
        "language model",
        "",
    ),
    Statement(
        "C27",
        (
            "Repeated phrases are not the cause of collapse: a penalty of 2.0 on repetition "
            "roughly doubles the perplexity and does not prevent it."
        ),
        "arXiv v2 section 5.2, Fig. 14; Nature, Ablation: Repetitions",
        "language model",
        "",
    ),
    Statement(
        "C28",
        (
            "Fine-tuning a pretrained language model, instead of training one from scratch, does "
            "not protect it from collapse."
        ),
        "arXiv v2 section 5.2; Nature, Model collapse in language models",
        "language model",
        "",
    ),
    Statement(
        "C29",
        "The fine-tuned language models of the preprint show early signs of collapse only.",
        "arXiv v2 section 1",
        "language model",
        "",
    ),
    Statement(
        "C30",
        (
            "Experiments over finitely many generations need not reach full collapse, and how "
            "fast it comes depends on the problem."
        ),
        "Nature, main text",
        "simulation",
        "",
    ),
    Statement(
        "C31",
        (
            "The setting differs from catastrophic forgetting and from data poisoning, and "
            "neither explains it fully."
        ),
        "arXiv v2 section 2; Supplementary Information (second-hand)",
        "discussion",
        "A distinction between concepts; discussed in the chapter, not computed.",
    ),
    Statement(
        "C32",
        "Data produced by people are essential where the tails matter, and become more valuable.",
        "Abstract of arXiv v2 and Nature; arXiv v2 section 1; Nature, Discussion",
        "proof, discussion",
        "",
    ),
    Statement(
        "C33",
        (
            "Events of low probability matter: for fairness to marginalised groups, and for "
            "understanding complex systems."
        ),
        "Discussion section of arXiv v2; Nature, Discussion",
        "discussion, simulation",
        (
            "A statement about what matters; discussed in the chapter, which computes only how "
            "often a minority is lost."
        ),
    ),
    Statement(
        "C34",
        (
            "Those who came first have an advantage: data collected before language models were "
            "in wide use are privileged."
        ),
        "Discussion section of arXiv v2; Nature, Discussion",
        "proof, discussion",
        "",
    ),
    Statement(
        "C35",
        (
            "Text from language models poisons the web as troll and content farms do, but "
            "automatically and at scale."
        ),
        "Discussion section of arXiv v2; Nature, Discussion",
        "discussion",
        _SOCIETY,
    ),
    Statement(
        "C36",
        (
            "The origin of text written by language models cannot yet be tracked at scale; "
            "coordination across the community is one way towards it."
        ),
        "Discussion section of arXiv v2; Nature, Discussion",
        "proof, discussion",
        "",
    ),
    Statement(
        "C37",
        "Larger language models trained from scratch would show the same effect.",
        "arXiv v2 footnote 4; Nature, main text",
        "language model, discussion",
        (
            "Stated in the paper without an experiment; training large language models from "
            "scratch is out of reach here. Discussed in the chapter."
        ),
    ),
    Statement(
        "S1",
        (
            "Information is lost first in the tails; then the model converges to a point with "
            "almost no variance and always gives the same answer."
        ),
        "Summary of the paper; compare C1 and C4",
        "proof, simulation",
        "",
    ),
    Statement(
        "S2",
        "Collapse has two sources: samples are finite, and models are imperfect.",
        "Summary of the paper; compare C6, C7 and C8",
        "proof, simulation",
        "",
    ),
    Statement(
        "S3",
        "The errors accumulate over the generations.",
        "Summary of the paper; compare C6",
        "proof, simulation",
        "",
    ),
    Statement(
        "S4",
        "Collapse happens in mixtures, in variational autoencoders and in language models.",
        "Summary of the paper; compare C2",
        "simulation, small network, language model",
        "",
    ),
    Statement(
        "S5",
        "Tuning a pretrained language model does not prevent collapse.",
        "Summary of the paper; compare C28",
        "language model",
        "",
    ),
    Statement(
        "S6",
        "Generated data come to contain improbable sequences and lose the tails of the original.",
        "Summary of the paper; compare C1 and C25",
        "language model, simulation",
        "",
    ),
    Statement(
        "S7",
        "Access to data made by humans stays essential.",
        "Summary of the paper; compare C32",
        "proof, discussion",
        "",
    ),
    Statement(
        "S8",
        "Data from human interaction with models become more and more valuable.",
        "Summary of the paper; compare C32",
        "discussion",
        _SOCIETY,
    ),
    Statement(
        "S9",
        "Telling human data from generated data at scale becomes an important problem.",
        "Summary of the paper; compare C36",
        "proof, discussion",
        "",
    ),
)
