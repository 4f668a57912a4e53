"""Closed forms and exact laws: what the recursion must do, without randomness.

Each function takes the arguments of the simulation and returns arrays over the same generations:
index 0 is reality, index n the model after n fits, N + 1 in all. Every docstring says whether its
formula is *exact*, *asymptotic* or a *bound*, sketches the proof and names the source. Bad input
raises ValueError with the argument, its value and what is allowed. What an argument means
everywhere, if its function does not say otherwise:

sample_size : M_n, the number of data that generation n + 1 learns from: a number, a sequence, or a
    callable of n; M where it must be constant
generations : N
ddof : the fitted variance divides by M - ddof, from 0 to 1
variance, covariance : reality's, a number and shape (d, d)
trace, eigenvalues : of reality's covariance, a number and shape (d,)
dimension, latent_dimension : d, and q, the number of codes or principal components, below d
probabilities : reality, a categorical law of shape (K,)
temperature : T, positive: laws are drawn from to the power 1/T, normalised
bandwidth : h, the standard deviation of the kernel, the same every generation
intensity, target, epsilon, fraction : of the procedures in `collapse.models.wrappers`
level : the probability that a test calls real data generated, above 0 and below 1
"""
