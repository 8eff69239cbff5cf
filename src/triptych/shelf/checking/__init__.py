"""Takes the ingested photos, their annotations and roles.

Gives what can be told of them before any training: counts and sizes, what looks wrong, settings that would suit them.
"""
