"""Takes questions with their candidates.

Gives features of each pair, the LambdaRank model over them, and the reference's method beside it.
"""
