"""Hyperparameter search as a static graph: every trial a node, so every trial a step on a machine of its own.

Successive halving (Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
optimization", AISTATS 2016): all configurations get a small budget, the best 1 / eta go on from their checkpoints
with eta times as much, and so on. One rung is plain random search. A workload joins with a node that trains one
trial up to a budget; nothing here knows what is trained.
"""
