"""Networks are read off checkpoints of any width and depth, and what is no style network is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.video.styles import save_styles
from triptych.video.network.names import read_style_names
from triptych.video.network.transformer import TransformerNet, build_network, load_style


def make_state(width: int = 4, blocks: int = 2) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return TransformerNet(width, blocks).state_dict()


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 9), st.integers(0, 3))
def test_width_and_depth_are_read_off_the_weights(width: int, blocks: int) -> None:
    network = build_network(make_state(width, blocks))
    assert (network.width, network.blocks) == (width, blocks)
    assert not network.training
    assert not any(value.requires_grad for value in network.parameters())


def test_the_networks_of_the_paper_have_the_weights_of_pytorch_examples() -> None:
    shapes = {name: tuple(value.shape) for name, value in TransformerNet().state_dict().items()}
    assert shapes["conv1.conv2d.weight"] == (32, 3, 9, 9)
    assert shapes["conv3.conv2d.weight"] == (128, 64, 3, 3)
    assert shapes["res5.conv2.conv2d.weight"] == (128, 128, 3, 3)
    assert shapes["res1.in2.weight"] == (128,)
    assert shapes["deconv1.conv2d.weight"] == (64, 128, 3, 3)
    assert shapes["deconv3.conv2d.weight"] == (3, 32, 9, 9)
    assert len(shapes) == 62
    assert sum(value.numel() for value in TransformerNet().parameters()) == 1_679_235


def test_running_statistics_of_old_checkpoints_are_ignored() -> None:
    state = make_state()
    x = torch.rand(1, 3, 16, 20) * 255
    expected = build_network(state)(x)
    old = state | {"in1.running_mean": torch.ones(4), "res1.in1.running_var": torch.ones(16)}
    assert torch.equal(build_network(old)(x), expected)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_names_as_data_parallel_and_compile_write_them_are_known(prefix: str) -> None:
    state, x = make_state(), torch.rand(1, 3, 16, 20) * 255
    wrapped = {f"{prefix}{name}": value for name, value in state.items()}
    wrapped[f"{prefix}in1.running_mean"] = torch.ones(4)
    assert torch.equal(build_network(wrapped)(x), build_network(state)(x))


def test_half_precision_on_disk_is_float32_in_memory() -> None:
    network = build_network({name: value.half() for name, value in make_state().items()})
    assert {value.dtype for value in network.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("conv1.conv2d.weight"), "no conv1.conv2d.weight"),
        (lambda state: state.pop("in4.bias"), "in4.bias"),
        (lambda state: state.update(extra=torch.ones(1)), "extra"),
        (lambda state: state.update({"deconv2.conv2d.bias": torch.ones(7)}), "deconv2.conv2d.bias"),
        (lambda state: state["in2.weight"].fill_(float("nan")), "finite"),
    ],
)
def test_other_weights_are_refused_by_name(change: object, message: str) -> None:
    state = make_state()
    assert callable(change)
    change(state)
    with pytest.raises(ValueError, match=message):
        build_network(state)


def test_a_file_that_is_no_style_network_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"weight": torch.ones(3)}, path)
    with pytest.raises(ValueError, match="other.pth: not a style network"):
        load_style(path)


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "bad.pth"
    torch.save({"conv1.conv2d.weight": Path("/")}, path)
    with pytest.raises(Exception, match="weights_only|Unsupported|Weights only"):
        load_style(path)


def test_an_even_picture_gets_no_frame_around_it() -> None:
    network = build_network(make_state(4, 2))
    painted = network(torch.full((1, 3, 32, 48), 120.0))
    assert painted.shape == (1, 3, 32, 48)
    assert (painted.amax((2, 3)) - painted.amin((2, 3))).max() < 1e-3
    assert network(torch.rand(1, 3, 32, 48) * 255).std() > 1e-2


def test_sizes_are_rounded_up_to_multiples_of_4() -> None:
    assert build_network(make_state())(torch.zeros(1, 3, 17, 30)).shape == (1, 3, 20, 32)


@pytest.mark.parametrize("legacy", [False, True])
def test_names_are_read_whatever_the_format_of_the_file(legacy: bool, tmp_path: Path) -> None:
    path = save_styles(tmp_path, 0, ["oil", "pen"])
    torch.save(torch.load(path, weights_only=True), path, _use_new_zipfile_serialization=not legacy)
    assert read_style_names(path) == load_style(path).names == ("oil", "pen")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hello", "no weights that can be read"),
        ("", "no weights that can be read"),
        ("<html>404</html>", "no weights that can be read"),
        ([torch.ones(1)], "no weights by name"),
        ({"state_dict": make_state(), "epoch": 3}, "epoch, state_dict are no weights"),
        ({**make_state(), "styles": 4}, "names"),
    ],
)
def test_what_other_people_save_is_refused_by_the_name_of_the_file(
    content: object, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "other.pth"
    if isinstance(content, str):
        path.write_text(content)
    else:
        torch.save(content, path)
    assert read_style_names(path) == ()
    with pytest.raises(ValueError, match=f"other.pth: .*{message}"):
        load_style(path)
