"""Closed forms and exact laws: what the recursion must do, without randomness.

Each function takes the arguments of the simulation and returns arrays over the same generations:
index 0 is reality, index n the model after n fits. Every docstring says whether its formula is
*exact* or *asymptotic*, sketches the proof and names the source.
"""
