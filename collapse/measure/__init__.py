"""What is measured: distances, mixtures, the three errors, the definitions of collapse.

model, truth, first, second : models
    Records as in `collapse.models`. A model holds one law for each entry of its batch, shape (...),
    and so does the value of a metric; the batches of two models broadcast. A `truth` is one law
    without batch.

Of a model of one's own is used what it has: `total_variance`, `variance` or `covariance`,
`entropy`, `cdf`, `logpdf`, and ``quantiles(scores)``, which gives Q(Φ(z)) at normal scores. What it
lacks is estimated from `distances.DRAWS` draws, the same in every call, and a warning says so.

Distances are squared, in squared units of the data; entropies and divergences are in nats. What
cannot be measured, models on different spaces and arguments out of range raise ValueError.
"""
