"""COCO instances written in other formats, each as its specification has it and by no code of ours."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import yaml
from PIL import Image, ImageDraw

Coco = dict[str, Any]
Polygon = list[float]


def objects_of(coco: Coco, image: dict[str, Any]) -> list[dict[str, Any]]:
    names = {category["id"]: category["name"] for category in coco["categories"]}
    items = [item for item in coco["annotations"] if item["image_id"] == image["id"]]
    return [{**item, "name": names[item["category_id"]]} for item in items]


def pairs(polygon: Polygon) -> list[tuple[float, float]]:
    return list(zip(polygon[::2], polygon[1::2], strict=True))


def draw_mask(polygons: list[Polygon], size: tuple[int, int]) -> Any:
    """Rasterise with Pillow, boolean, height x width."""
    image = Image.new("1", size)
    for polygon in polygons:
        ImageDraw.Draw(image).polygon(pairs(polygon), fill=1)
    return np.array(image)


def write_yolo(folder: Path, coco: Coco, outlines: bool = False) -> None:
    """Ultralytics' layout, with the classes numbered in reverse."""
    names = [category["name"] for category in reversed(coco["categories"])]
    (folder / "labels").mkdir()
    for image in coco["images"]:
        width, height = image["width"], image["height"]
        lines = []
        for item in objects_of(coco, image):
            if outlines:
                (polygon,) = item["segmentation"]
                values = [value / (width, height)[index % 2] for index, value in enumerate(polygon)]
            else:
                left, top, wide, high = item["bbox"]
                values = [(left + wide / 2) / width, (top + high / 2) / height, wide / width, high / height]
            lines.append(" ".join([str(names.index(item["name"])), *(f"{value:.6f}" for value in values)]))
        (folder / "labels" / Path(image["file_name"]).with_suffix(".txt").name).write_text("\n".join(lines))
    data = {"path": "../datasets/shop", "train": "images", "val": "images", "names": dict(enumerate(names))}
    (folder / "data.yaml").write_text(yaml.safe_dump(data))


def write_yolo_outlines(folder: Path, coco: Coco) -> None:
    write_yolo(folder, coco, outlines=True)


def _write_labelme(folder: Path, coco: Coco, shapes_of: Callable[[dict[str, Any], tuple[int, int]], Any]) -> None:
    for image in coco["images"]:
        size = image["width"], image["height"]
        shapes = []
        for group, item in enumerate(objects_of(coco, image)):
            common = {"label": item["name"], "group_id": group, "description": "", "flags": {}, "mask": None}
            shapes += [common | shape for shape in shapes_of(item, size)]
        content = {
            "version": "5.5.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": f"..\\images\\{Path(image['file_name']).name}",
            "imageData": None,
            "imageHeight": size[1],
            "imageWidth": size[0],
        }
        path = folder / "labelme" / Path(image["file_name"]).with_suffix(".json").name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))


def write_labelme_rectangles(folder: Path, coco: Coco) -> None:
    """From the lower right corner to the upper left one, as a hand may draw them."""

    def rectangle(item: dict[str, Any], _: tuple[int, int]) -> list[dict[str, Any]]:
        left, top, width, height = item["bbox"]
        return [{"shape_type": "rectangle", "points": [[left + width, top + height], [left, top]]}]

    _write_labelme(folder, coco, rectangle)


def write_labelme(folder: Path, coco: Coco) -> None:
    """Every polygon a shape of its own, those of one object in a group."""
    _write_labelme(
        folder,
        coco,
        lambda item, _: [
            {"shape_type": "polygon", "points": [list(pair) for pair in pairs(polygon)]}
            for polygon in item["segmentation"]
        ],
    )


def write_labelme_masks(folder: Path, coco: Coco) -> None:
    def mask(item: dict[str, Any], size: tuple[int, int]) -> list[dict[str, Any]]:
        whole = draw_mask(item["segmentation"], size)
        rows, columns = np.flatnonzero(whole.any(1)), np.flatnonzero(whole.any(0))
        crop = whole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        png = io.BytesIO()
        Image.fromarray(crop.astype(np.uint8) * 255).save(png, "PNG")
        corners = [[int(columns[0]), int(rows[0])], [int(columns[-1]), int(rows[-1])]]
        return [{"shape_type": "mask", "points": corners, "mask": base64.b64encode(png.getvalue()).decode()}]

    _write_labelme(folder, coco, mask)


def _write_cvat(folder: Path, coco: Coco, shapes_of: Callable[[dict[str, Any], tuple[int, int]], Any]) -> None:
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    meta = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    ElementTree.SubElement(meta, "name").text = "shop"
    for number, image in enumerate(coco["images"]):
        size = image["width"], image["height"]
        values = {"id": str(number), "name": image["file_name"], "width": str(size[0]), "height": str(size[1])}
        element = ElementTree.SubElement(root, "image", values)
        for item in objects_of(coco, image):
            tag, shape = shapes_of(item, size)
            common = {"label": item["name"], "source": "manual", "occluded": "0", "z_order": "0"}
            child = ElementTree.SubElement(element, tag, common | {key: str(value) for key, value in shape.items()})
            ElementTree.SubElement(child, "attribute", name="shelf").text = "2"
    ElementTree.ElementTree(root).write(folder / "annotations.xml", encoding="utf-8", xml_declaration=True)


def write_cvat_boxes(folder: Path, coco: Coco) -> None:
    def box(item: dict[str, Any], _: tuple[int, int]) -> tuple[str, dict[str, float]]:
        left, top, width, height = item["bbox"]
        return "box", {"xtl": left, "ytl": top, "xbr": left + width, "ybr": top + height}

    _write_cvat(folder, coco, box)


def write_cvat_polygons(folder: Path, coco: Coco) -> None:
    def polygon(item: dict[str, Any], _: tuple[int, int]) -> tuple[str, dict[str, str]]:
        (only,) = item["segmentation"]
        return "polygon", {"points": ";".join(f"{x:.2f},{y:.2f}" for x, y in pairs(only))}

    _write_cvat(folder, coco, polygon)


def write_cvat_masks(folder: Path, coco: Coco) -> None:
    def mask(item: dict[str, Any], size: tuple[int, int]) -> tuple[str, dict[str, Any]]:
        whole = draw_mask(item["segmentation"], size)
        rows, columns = np.flatnonzero(whole.any(1)), np.flatnonzero(whole.any(0))
        crop = whole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        runs, inside = [0], False
        for pixel in crop.ravel():
            if pixel != inside:
                runs.append(0)
                inside = bool(pixel)
            runs[-1] += 1
        place = {"left": columns[0], "top": rows[0], "width": crop.shape[1], "height": crop.shape[0]}
        return "mask", place | {"rle": ", ".join(map(str, runs))}

    _write_cvat(folder, coco, mask)


def write_createml(folder: Path, coco: Coco) -> None:
    entries = []
    for image in coco["images"]:
        found = []
        for item in objects_of(coco, image):
            left, top, width, height = item["bbox"]
            place = {"x": left + width / 2, "y": top + height / 2, "width": width, "height": height}
            found.append({"label": item["name"], "coordinates": place})
        entries.append({"image": Path(image["file_name"]).name, "annotations": found})
    (folder / "images" / "_annotations.createml.json").write_text(json.dumps(entries))


def write_azureml(folder: Path, coco: Coco, outlines: bool = False) -> None:
    start = "azureml://subscriptions/0/resourcegroups/g/workspaces/w/datastores/workspaceblobstore/paths/UI/2026/"
    lines = []
    for image in coco["images"]:
        width, height = image["width"], image["height"]
        labels = []
        for item in objects_of(coco, image):
            left, top, wide, high = item["bbox"]
            if outlines:
                shape: dict[str, Any] = {
                    "polygon": [
                        [value / (width, height)[index % 2] for index, value in enumerate(polygon)]
                        for polygon in item["segmentation"]
                    ]
                }
            else:
                shape = {"topX": left / width, "topY": top / height}
                shape |= {"bottomX": (left + wide) / width, "bottomY": (top + high) / height}
            labels.append({"label": item["name"], "isCrowd": 0, **shape})
        details = {"format": "jpg", "width": f"{width}px", "height": f"{height}px"}
        lines.append(json.dumps({"image_url": start + image["file_name"], "image_details": details, "label": labels}))
    (folder / "labels.jsonl").write_text("\n".join(lines))


def write_azureml_outlines(folder: Path, coco: Coco) -> None:
    write_azureml(folder, coco, outlines=True)
