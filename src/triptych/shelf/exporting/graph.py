"""The detector as one graph, from a scaled photo to boxes, categories, scores and masks, as ONNX and OpenVINO."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign

from triptych.log_levels import errors_only
from triptych.openvino_models import import_openvino
from triptych.shelf.model.files import LoadedDetector
from triptych.shelf.model.preprocessing import PADDING, STRIDE

INPUT = "image"
OUTPUTS = ("boxes", "labels", "scores", "masks")
_OPSET = 18
_TRACED = (160, 224)  # height and width


class DetectorGraph(nn.Module):
    """The detector on one photo, scaled already.

    Args:
        detector: On the processor; stays as it is.
    """

    mean: Tensor
    deviation: Tensor
    padding: Tensor

    def __init__(self, detector: LoadedDetector) -> None:
        super().__init__()
        self.model = copy.deepcopy(detector.model).float().eval()
        heads, transform = self.model.roi_heads, self.model.transform
        for name in ("box_roi_pool", "mask_roi_pool"):
            if (pool := getattr(heads, name)) is not None:
                # torchvision's own, which both exporters know.
                plain = MultiScaleRoIAlign(pool.featmap_names, pool.output_size, pool.sampling_ratio)
                setattr(heads, name, plain)
        # Detections are left out after overlaps are suppressed, which lets the same pass, and the best always stays:
        # OpenVINO makes up detections where there are none.
        self.least_score, heads.score_thresh = heads.score_thresh, 0.0
        self._postprocess, heads.postprocess_detections = heads.postprocess_detections, self._keep_some
        for name, values in (("mean", transform.image_mean), ("deviation", transform.image_std)):
            self.register_buffer(name, 255 * torch.tensor(values).view(1, 3, 1, 1))
        self.register_buffer("padding", torch.tensor(PADDING, dtype=torch.float32).view(1, 3, 1, 1))

    def _keep_some(self, *found: Any) -> tuple[list[Tensor], ...]:
        outputs = self._postprocess(*found)  # best first
        scores = outputs[1][0]
        first = torch.arange(scores.shape[0], device=scores.device) == 0
        kept = torch.where((scores > self.least_score) | first)[0]
        return tuple([output[0][kept]] for output in outputs)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Find objects.

        Args:
            image: uint8, H x W x 3, RGB.

        Returns:
            Boxes (N x 4, left, top, right, bottom in pixels of the image), labels (N, from 1), scores (N, falling;
            the best is there however low it is), and of a detector of masks these in their boxes (N x M x M,
            probabilities).
        """
        height, width = image.shape[0], image.shape[1]
        pixels = image.permute(2, 0, 1)[None].float() - self.padding
        pixels = functional.pad(pixels, (0, -width % STRIDE, 0, -height % STRIDE)) + self.padding
        images = (pixels - self.mean) / self.deviation
        features = self.model.backbone(images)
        proposals, _ = self.model.rpn(ImageList(images, [(height, width)]), features)
        (found,), _ = self.model.roi_heads(features, proposals, [(height, width)])
        outputs = found["boxes"], found["labels"], found["scores"]
        return (*outputs, found["masks"][:, 0]) if "masks" in found else outputs


def write_onnx(detector: LoadedDetector, path: Path) -> None:
    """Write a detector as ONNX, for photos of any size.

    Traced (torch's TorchScript exporter): how many boxes there are depends on the photo, which `torch.export` does not
    follow through torchvision's heads.

    Args:
        detector: On the processor.
        path: Where to.
    """
    graph = DetectorGraph(detector)
    example = torch.randint(0, 256, (*_TRACED, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    names = OUTPUTS if detector.masks else OUTPUTS[:3]
    axes = {INPUT: {0: "height", 1: "width"}} | {name: {0: "detections"} for name in names}
    with warnings.catch_warnings(), errors_only("torch.onnx"), torch.inference_mode():
        warnings.simplefilter("ignore")  # of what is constant in a trace, which is meant, or checked on test photos
        torch.onnx.export(
            graph,
            (example,),
            path,
            dynamo=False,
            opset_version=_OPSET,
            input_names=[INPUT],
            output_names=list(names),
            dynamic_axes=axes,
        )


def write_openvino(source: Path, path: Path) -> None:
    """Write an ONNX file as OpenVINO's own format.

    Args:
        source: The ONNX file.
        path: Where to, ending in `.xml`; the weights go beside it, ending in `.bin`.
    """
    openvino: Any = import_openvino()
    openvino.save_model(openvino.Core().read_model(source), path, compress_to_fp16=False)
