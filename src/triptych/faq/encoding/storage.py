"""Read an encoder back, whichever kind it is."""

from __future__ import annotations

import json
from pathlib import Path

from triptych.faq.encoding.encoder import TextEncoder
from triptych.faq.encoding.model_folder import ABOUT, FolderEncoder
from triptych.faq.encoding.word_encoder import KIND, WordEncoder


def load_encoder(folder: Path) -> TextEncoder:
    """Read what an encoder's `save` wrote."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    return WordEncoder.load(folder) if about["kind"] == KIND else FolderEncoder.load(folder, about)
