"""video: stylize every frame of videos, in parallel, and keep everything else about them as it was."""
