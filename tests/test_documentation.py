"""The page of parameters is current and complete."""

from __future__ import annotations

from pathlib import Path

from kedro.config import OmegaConfigLoader
from kedro.pipeline import Pipeline

from triptych.documentation import parameters_page
from triptych.parameters import parameter_blocks
from triptych.pipeline_registry import register_pipelines


def base_parameters(root: Path) -> dict[str, object]:
    loader = OmegaConfigLoader(str(root / "conf"), base_env="base", default_run_env="base")
    return dict(loader["parameters"])


def test_the_page_in_docs_is_what_the_code_says(project: Path) -> None:
    page = parameters_page(register_pipelines(), base_parameters(project))
    written = (project / "docs/reference/parameters.md").read_text(encoding="utf-8")
    hint = "run: python -m triptych.documentation > docs/reference/parameters.md"
    assert written == page, hint


def test_every_field_of_every_block_has_its_line_of_text() -> None:
    for key, block in parameter_blocks(register_pipelines()).items():
        assert all(field.description for field in block.model_fields.values()), key


def test_nested_blocks_and_defaults_are_listed(toy_pipelines: dict[str, Pipeline]) -> None:
    page = parameters_page(toy_pipelines, {"toy": {"draw": {"scale": 2}, "fail": {}}})
    assert "| `toy.draw.scale` | `float` | > 0 | `2` | Factor of every number, above 0. |" in page
    assert "| `toy.draw.coin.bias` | `float` | > 0, < 1 | `0.5` | Chance of heads, in (0, 1). |" in page
    assert "| `toy.fail.at` | `Literal['nowhere', 'left', 'right']` |  | `\"nowhere\"` |" in page
