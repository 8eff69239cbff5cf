"""Takes the plan and a stylizer.

Gives finished segments, shared among ranks.
"""
