"""Takes the videos that landed.

Gives a plan: each video's segments by the timestamps (pts) of its frames, or the reason it is refused.
"""
