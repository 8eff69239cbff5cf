"""Takes the texts of originals and their duplicates.

Gives an index that finds a question's candidates, by views of words, character n-grams and code.
"""
