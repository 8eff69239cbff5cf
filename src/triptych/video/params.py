"""Parameters of the video workload: one model a block of `parameters.yml`."""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from triptych.parameters.base import Params, Share, UnitInterval

SMALLEST_TILE = 65_536


class PlanningParams(Params):
    """How videos are checked and divided into segments."""

    segment_frames: PositiveInt = 120
    """Frames of a segment, the unit that is stylized, kept and redone as a whole; fewer of more than a megapixel."""
    interlaced: Literal["deinterlace", "refuse"] = "deinterlace"
    """What becomes of interlaced sources."""
    hdr: Literal["tone_map", "refuse"] = "refuse"
    """What becomes of sources in HDR (PQ or HLG)."""
    missing_timestamps: Literal["normalise", "refuse"] = "normalise"
    """What becomes of sources whose frames have no timestamps: `normalise` counts them at the stated frame rate, or
    shows those without between those that have one."""
    damaged: Literal["refuse", "conceal"] = "refuse"
    """What becomes of frames that cannot be decoded: `conceal` shows what the decoder made of them, else the frame
    before, and counts them."""
    max_pixels: PositiveInt = 67_108_864
    """Refuse frames with more pixels (this is 8192 x 8192)."""
    timeout_s: PositiveFloat = 600.0
    """Give up on a file whose reading or rewriting gets no further for as long."""
    workers: NonNegativeInt = 0
    """Videos planned at once, which share the cores; 0: one a core."""


def _check_tile(pixels: int) -> int:
    if 0 < pixels < SMALLEST_TILE:
        raise ValueError(f"must be 0 or at least {SMALLEST_TILE}")
    return pixels


class StyleParams(Params):
    """Which style, how strong, and what computes it."""

    styles: dict[str, str] = Field(default_factory=dict)
    """Style of each video: a pattern of its name (`*.mp4`) to a style (`mosaic`, `painters/mosaic` in a file of
    several), a blend (`mosaic:0.7+ink:0.3`) or a fade (`mosaic > ink`, `mosaic@2 > ink@5` in seconds); the first
    pattern that fits counts, and the catalog's style model where none does."""
    strength: UnitInterval = 1.0
    """0 gives the frame as it was, 1 the styled one; between, a mix."""
    keep_colours: bool = False
    """Give every frame the colours it had: of the styled one only light and dark (luma) are taken."""
    scale: Annotated[float, Field(ge=0.1, le=2)] = 1.0
    """Size in which the network sees frames: .5 is half the width and height, a quarter of the work, and strokes twice
    as large; 2 is four times the work, and strokes half as large. Its picture is scaled back again."""
    runtime: Literal["auto", "eager", "compile", "openvino", "cuda"] = "auto"
    """What runs the network; `auto` takes the fastest that keeps to `pixel_tolerance`."""
    pixel_tolerance: PositiveFloat = 12.0
    """Largest difference of a runtime's pixel values from those of eager float32, in 0 to 255, of all but one in a
    thousand."""
    batch_size: NonNegativeInt = 0
    """Frames a step; 0: chosen by size and memory on GPUs, one a thread with OpenVINO and compile, 1 with eager."""
    max_tile_pixels: Annotated[NonNegativeInt, AfterValidator(_check_tile)] = 0
    """Frames with more pixels are stylized in tiles (65,536 at least); 0: 4,194,304, and on GPUs as many as fit into
    memory."""
    threads: NonNegativeInt = 0
    """CPU threads of a rank; 0: cores divided by ranks on the node."""
    num_nodes: PositiveInt = 1
    """Nodes (on Azure ML) that share the segments."""
    processes_per_node: PositiveInt = 1
    """Processes on each of them: as many as it has GPUs."""


class SmoothingParams(Params):
    """What is done against flicker."""

    method: Literal["none", "blend_output", "average_input"] = "average_input"
    """`average_input` averages the input along its motion, which costs hardly any sharpness; `blend_output` mixes in
    the previous styled frame. Motion is estimated on processors: `none` keeps a fast GPU from waiting for it."""
    weight: Share = 0.8
    """Share of the past; .5 suits `blend_output`, .8 `average_input`."""
    lead_frames: NonNegativeInt = 8
    """Frames before a segment from which smoothing starts, so that segments meet."""
    occlusion_px: PositiveFloat = 1.0
    """Forward and backward motion that differ by more mark a pixel as newly seen, and it keeps no past."""


class EncodingParams(Params):
    """How styled frames are encoded."""

    codec: Literal["h264", "hevc", "av1"] = "h264"
    """Codec of the result."""
    encoder: Literal["auto", "software", "nvenc"] = "auto"
    """What encodes: the processor, or an NVIDIA card's NVENC; `auto` takes the card where it has an encoder."""
    container: Literal["source", "mp4", "mkv", "webm"] = "source"
    """Container of the result; `source` keeps that of the source where it can hold the result, else mkv."""
    crf: Annotated[int, Field(ge=0, le=51)] = 18
    """Quality, on the scale of H.264 for every codec: 0 lossless, 18 hardly to be told from the original, 51 worst."""
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "veryfast"
    """Trade of time for size, by x264's names for every encoder."""
    bit_depth: Literal[8, 10, "source"] = 8
    """Bits of a sample of the result; `source` keeps 10 where the source has more than 8."""
    timeout_s: PositiveFloat = 120.0
    """Give up on an encoder that takes no frame for as long."""
    keep_segments_days: NonNegativeFloat = 14.0
    """Remove segments that were made longer ago and that this run did not need; a video that lands again within that
    time is not stylized again."""

    @model_validator(mode="after")
    def _fit_together(self) -> "EncodingParams":
        if self.container == "webm" and self.codec != "av1":
            raise ValueError(f"container: webm holds AV1, not {self.codec}: set codec to av1, or container to mkv")
        if (self.encoder, self.codec) == ("nvenc", "h264") and self.bit_depth != 8:
            raise ValueError("encoder: NVENC has no H.264 of 10 bits: set codec to hevc or av1, or encoder to software")
        return self


class ReportParams(Params):
    """What the report measures and shows."""

    warping_pairs: NonNegativeInt = 24
    """Pairs of neighbouring frames of each video on which the warping error is measured, of a short one a quarter of
    its frames; 0: none."""
    pictures: PositiveInt = 4
    """Before-and-after pictures of each video."""


class PreviewParams(Params):
    """What a preview shows (pipeline video_preview)."""

    videos: PositiveInt = 20
    """Videos that are shown, in the order of their names."""
    height_px: Annotated[int, Field(ge=60, le=1080)] = 240
    """Largest height of a still on the sheet."""
    first_frames: NonNegativeInt = 0
    """Frames of a clip of each video in its style, with sound; 0: no clips."""


class StyleTrainingParams(Params):
    """How a style network is trained (pipeline video_style)."""

    perceptual: Literal["auto", "vgg16", "critic"] = "critic"
    """What compares with the style: VGG16 with torchvision's weights (downloaded once), or a critic that learns on the
    way and needs no download; `auto` takes VGG16 where its weights are at hand."""
    vgg16_weights: str = ""
    """File with VGG16's weights, where they cannot be downloaded."""
    width: Annotated[int, Field(ge=4)] = 16
    """Channels of the first layer (32 in the paper)."""
    blocks: PositiveInt = 3
    """Residual blocks (5 in the paper)."""
    steps: PositiveInt = 2000
    """Training steps; of several styles, those of each."""
    batch_size: PositiveInt = 2
    """Crops a step; one of them is shown twice."""
    crop_px: Annotated[int, Field(ge=64, multiple_of=4)] = 192
    """Size of a crop, a multiple of 4."""
    style_px: Annotated[int, Field(ge=96)] = 380
    """Size to which the style image is scaled, the square root of its area: twice as much paints strokes twice as
    large."""
    learning_rate: PositiveFloat = 2e-3
    """Highest learning rate of Adam, one cycle."""
    style_weight: NonNegativeFloat = 1.0
    """Weight of painting as the style does."""
    content_weight: NonNegativeFloat = 1.0
    """Weight of keeping what is on the photo."""
    ripple_weight: NonNegativeFloat = 1.5
    """Weight of not falling into stripes and hatching (without VGG16)."""
    consistency_weight: NonNegativeFloat = 25.0
    """Weight of painting a moved picture as before, only moved: more flickers less, and is less rich."""
    total_variation_weight: NonNegativeFloat = 0.0
    """Weight of smoothness; for VGG16, whose pictures may be grainy."""
    input_noise: UnitInterval = 0.1
    """Strongest noise on photos, of 1, that is not to be painted."""
    time_limit_s: PositiveFloat = 900.0
    """Training comes to its end in this time, with fewer steps where it must; of several styles, in as much for
    each."""
    seed: NonNegativeInt = 0
    """Seed of weights and crops."""
