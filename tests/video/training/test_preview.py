from __future__ import annotations

import pandas as pd
import pytest

from triptych.video.training.preview import plot_log


def test_both_losses_are_drawn_over_the_steps() -> None:
    pytest.importorskip("plotly", reason="plotly, which draws figures, is not installed")
    log = pd.DataFrame({"step": [10, 20], "texture": [3.0, 2.0], "structure": [0.1, 0.2], "loss": [4.0, 3.0]})
    drawn = {trace.name: (list(trace.x), list(trace.y)) for trace in plot_log(log).data}
    assert drawn == {"texture": ([10, 20], [3.0, 2.0]), "structure": ([10, 20], [0.1, 0.2])}
