"""Find the answered question that a new question repeats."""
