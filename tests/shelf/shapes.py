"""Made-up objects and detections in COCO's formats."""

from __future__ import annotations

from typing import Any

Item = dict[str, Any]
SIDE = 200


def outline(bbox: list[float]) -> list[list[float]]:
    """The box as a polygon."""
    left, top, width, height = bbox
    return [[left, top, left + width, top, left + width, top + height, left, top + height]]


def make_truth(boxes: dict[int, list[list[float]]], *, masks: bool = True, **more: Any) -> Item:
    """Photos of 200 x 200 pixels with objects of category 1."""
    items: list[Item] = []
    for photo, photo_boxes in boxes.items():
        for bbox in photo_boxes:
            item = {"id": len(items) + 1, "image_id": photo, "category_id": 1, "bbox": bbox, "iscrowd": 0}
            item["area"] = bbox[2] * bbox[3]
            items.append(item | ({"segmentation": outline(bbox)} if masks else {}) | more)
    images = [{"id": photo, "file_name": f"{photo}.jpg", "width": SIDE, "height": SIDE} for photo in boxes]
    return {"images": images, "annotations": items, "categories": [{"id": 1, "name": "gap"}]}


def detect(photo: int, bbox: list[float], score: float, category: int = 1) -> Item:
    """A detection whose mask fills its box."""
    from pycocotools import mask as coco_mask

    runs = coco_mask.merge(coco_mask.frPyObjects(outline(bbox), SIDE, SIDE))
    mask = {"size": runs["size"], "counts": runs["counts"].decode()}
    return {"image_id": photo, "category_id": category, "bbox": bbox, "score": score, "segmentation": mask}


def detect_all(truth: Item) -> list[Item]:
    """Find every object exactly, each with another score."""
    items = truth["annotations"]
    return [detect(item["image_id"], item["bbox"], 0.99 - index / 1000) for index, item in enumerate(items)]
