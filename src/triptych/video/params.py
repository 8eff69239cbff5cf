"""Typed parameters of the video workload: one frozen dataclass a block of `parameters.yml`."""

from dataclasses import dataclass, field
from typing import Literal

from triptych.parameters.by_name import ReadByName
from triptych.parameters.ranges import check, check_at_least, check_within


@dataclass(frozen=True)
class PlanningParams:
    """How videos are checked and divided into segments."""

    segment_frames: int = 120
    """Frames of a segment, the unit that is stylized, kept and redone as a whole."""
    interlaced: Literal["deinterlace", "refuse"] = "deinterlace"
    """What becomes of interlaced sources."""
    hdr: Literal["tone_map", "refuse"] = "refuse"
    """What becomes of sources in HDR (PQ or HLG)."""
    missing_timestamps: Literal["normalise", "refuse"] = "normalise"
    """What becomes of sources whose frames have no timestamps: `normalise` counts them at the stated frame rate."""
    max_pixels: int = 8_847_360
    """Refuse frames with more pixels (this is 4096 x 2160)."""
    timeout_s: float = 600.0
    """Give up on a file whose probing or normalising takes longer."""
    workers: int = 0
    """Videos planned at once; 0 takes every core."""

    def __post_init__(self) -> None:
        check_at_least(1, segment_frames=self.segment_frames, max_pixels=self.max_pixels)
        check(self.timeout_s > 0, f"timeout_s must be above 0, got {self.timeout_s}")
        check_at_least(0, workers=self.workers)


@dataclass(frozen=True)
class StyleParams(ReadByName):
    """Which style, how strong, and what computes it."""

    styles: dict[str, str] = field(default_factory=dict)
    """Style of each video: a pattern of its name (`*.mp4`) to a style (`mosaic`) or a blend (`mosaic:0.7+ink:0.3`);
    the first pattern that fits counts, and the catalog's style model where none does."""
    strength: float = 1.0
    """0 gives the frame as it was, 1 the styled one; between, a mix."""
    runtime: Literal["auto", "eager", "compile", "openvino", "cuda"] = "auto"
    """What runs the network; `auto` takes the fastest that keeps to `pixel_tolerance`."""
    pixel_tolerance: float = 12.0
    """Largest difference of a runtime's pixel values from those of eager float32, in 0 to 255, of all but one in a
    thousand."""
    batch_size: int = 0
    """Frames a step; 0: chosen by size and memory on GPUs, one a thread with OpenVINO and compile, 1 with eager."""
    max_tile_pixels: int = 4_194_304
    """Frames with more pixels are stylized in tiles."""
    threads: int = 0
    """CPU threads of a rank; 0: cores divided by ranks on the node."""
    num_nodes: int = 1
    """Nodes (on Azure ML) that share the segments."""
    processes_per_node: int = 1
    """Processes on each of them: as many as it has GPUs."""

    def __post_init__(self) -> None:
        check_within(0, 1, strength=self.strength)
        check(self.pixel_tolerance > 0, f"pixel_tolerance must be above 0, got {self.pixel_tolerance}")
        check_at_least(0, batch_size=self.batch_size, threads=self.threads)
        check_at_least(65_536, max_tile_pixels=self.max_tile_pixels)
        check_at_least(1, num_nodes=self.num_nodes, processes_per_node=self.processes_per_node)


@dataclass(frozen=True)
class SmoothingParams:
    """What is done against flicker."""

    method: Literal["none", "blend_output", "average_input"] = "none"
    """`blend_output` mixes in the previous styled frame, `average_input` averages the input, both along the motion."""
    weight: float = 0.5
    """Share of the past; .5 suits `blend_output`, .8 `average_input`."""
    lead_frames: int = 8
    """Frames before a segment from which smoothing starts, so that segments meet."""
    occlusion_px: float = 1.0
    """Forward and backward motion that differ by more mark a pixel as newly seen, and it keeps no past."""

    def __post_init__(self) -> None:
        check(0 <= self.weight < 1, f"weight must be in [0, 1), got {self.weight}")
        check_at_least(0, lead_frames=self.lead_frames)
        check(self.occlusion_px > 0, f"occlusion_px must be above 0, got {self.occlusion_px}")


@dataclass(frozen=True)
class EncodingParams:
    """How styled frames are encoded."""

    container: Literal["source", "mp4", "mkv"] = "source"
    """Container of the result; `source` keeps that of the source where it can hold the result, else mkv."""
    crf: int = 18
    """Quality of H.264: 0 lossless, 18 hardly to be told from the original, 51 worst."""
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "veryfast"
    """x264's trade of time for size."""
    timeout_s: float = 120.0
    """Give up on an encoder that takes no frame for as long."""

    def __post_init__(self) -> None:
        check_within(0, 51, crf=self.crf)
        check(self.timeout_s > 0, f"timeout_s must be above 0, got {self.timeout_s}")


@dataclass(frozen=True)
class ReportParams:
    """What the report measures and shows."""

    warping_pairs: int = 24
    """Pairs of neighbouring frames of each video on which the warping error is measured; 0: none."""
    pictures: int = 4
    """Before-and-after pictures of each video."""

    def __post_init__(self) -> None:
        check_at_least(0, warping_pairs=self.warping_pairs)
        check_at_least(1, pictures=self.pictures)


@dataclass(frozen=True)
class StyleTrainingParams:
    """How a style network is trained (pipeline video_style)."""

    perceptual: Literal["auto", "vgg16", "random"] = "random"
    """Network that compares: VGG16 with torchvision's weights (downloaded once), or a random one that needs no
    download; `auto` takes VGG16 where its weights are at hand."""
    vgg16_weights: str = ""
    """File with VGG16's weights, where they cannot be downloaded."""
    width: int = 16
    """Channels of the first layer (32 in the paper)."""
    blocks: int = 3
    """Residual blocks (5 in the paper)."""
    steps: int = 900
    """Training steps."""
    batch_size: int = 2
    """Crops a step."""
    crop_px: int = 224
    """Size of a crop."""
    style_width_px: int = 448
    """Width to which the style image is scaled."""
    learning_rate: float = 2e-3
    """Highest learning rate of Adam, one cycle."""
    content_weight: float = 25.0
    """Weight of keeping the content."""
    time_limit_s: float = 1800.0
    """Training comes to its end in this time, with fewer steps where it must."""
    seed: int = 0
    """Seed of weights and crops."""

    def __post_init__(self) -> None:
        check_at_least(4, width=self.width)
        check_at_least(1, blocks=self.blocks, steps=self.steps, batch_size=self.batch_size)
        check_at_least(64, crop_px=self.crop_px, style_width_px=self.style_width_px)
        check(self.learning_rate > 0, f"learning_rate must be above 0, got {self.learning_rate}")
        check(self.time_limit_s > 0, f"time_limit_s must be above 0, got {self.time_limit_s}")
        check_at_least(0, content_weight=self.content_weight, seed=self.seed)
