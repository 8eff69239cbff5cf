"""The registry is complete and cheap."""

from __future__ import annotations

import subprocess
import sys

from kedro.pipeline import Pipeline

from triptych.pipeline_registry import register_pipelines

HEAVY = ("azure", "cv2", "lightgbm", "mlflow", "pandera", "sklearn", "torch", "torchvision")


def test_the_pipelines_of_the_design_are_there() -> None:
    pipelines = register_pipelines()
    trained = [f"{workload}{kind}" for workload in ("faq", "shelf") for kind in ("", "_tune", "_score")]
    assert set(pipelines) == {
        "__default__",
        "shelf_check",
        "shelf_export",
        "video",
        "video_preview",
        "video_style",
        *trained,
    }
    assert all(isinstance(pipeline, Pipeline) and pipeline.nodes for pipeline in pipelines.values())


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
