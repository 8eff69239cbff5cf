"""Takes posts as people wrote them, HTML with code in it.

Gives questions and answers as clean text, and text as tokens.
"""
