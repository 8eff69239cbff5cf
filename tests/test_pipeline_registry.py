"""The registry is complete and cheap."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline

from triptych.pipeline_registry import register_pipelines

HEAVY = ("azure", "cv2", "lightgbm", "mlflow", "pandera", "sklearn", "torch", "torchvision")


def test_the_pipelines_of_the_design_are_there() -> None:
    found = register_pipelines()
    trained = [f"{workload}{kind}" for workload in ("faq", "shelf") for kind in ("", "_tune", "_score", "_drift")]
    assert set(found) == {
        "__default__",
        "faq_add",
        "shelf_check",
        "shelf_export",
        "video",
        "video_preview",
        "video_style",
        *trained,
    }
    assert all(isinstance(pipeline, Pipeline) and pipeline.nodes for pipeline in found.values())


@pytest.mark.parametrize(
    ("wrong", "hint"), [("vidio", "did you mean 'video'?"), ("nope", "known here: faq, faq_add, faq_drift, faq_score,")]
)
def test_a_typo_in_the_name_of_a_pipeline_is_no_error_of_an_import(wrong: str, hint: str) -> None:
    pipelines.set_requested(["faq", wrong])
    try:
        with pytest.raises(ValueError, match=re.escape(f"there is no pipeline '{wrong}', {hint}")):
            register_pipelines()
    finally:
        pipelines.set_requested(None)


def test_no_heavy_library_is_imported_to_build_them() -> None:
    code = (
        "import sys, triptych.settings\n"
        "from kedro.framework.project import configure_project; configure_project('triptych')\n"
        "from triptych.pipeline_registry import register_pipelines\n"
        "register_pipelines()\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
