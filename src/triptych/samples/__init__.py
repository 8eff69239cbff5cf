"""Renderers of the bundled samples, and of more of the like."""
