"""Takes weights of a style network.

Gives the network, also in forms that compute the same faster.
"""
