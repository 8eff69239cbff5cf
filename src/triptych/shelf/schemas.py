"""What the tables and annotations of the shelf workload must look like: checked at every load and save."""

from typing import Any

import numpy as np
import pandera.pandas as pa

ROLES = pa.DataFrameSchema(
    {
        "image_id": pa.Column("int64", pa.Check.ge(1), unique=True),
        "file_name": pa.Column(str, unique=True),
        "group": pa.Column("int64", pa.Check.ge(0)),
        "role": pa.Column(str, pa.Check.isin(["train", "validation", "test"])),
    },
    checks=pa.Check(
        lambda roles: roles.groupby("group")["role"].nunique().le(1).all(), error="a group has photos in several roles"
    ),
)

_KEYS = {
    "images": {"id", "file_name", "width", "height", "source"},
    "annotations": {"id", "image_id", "category_id", "bbox", "area", "iscrowd"},
    "categories": {"id", "name"},
}
_ROUNDING = 1e-3  # of a box at the border of its photo, in pixels


class Annotations:
    """Check annotations in COCO's instances format."""

    @staticmethod
    def validate(annotations: Any) -> Any:
        """Refuse lists or keys that are missing, ids used twice or of nothing, and boxes outside their photo.

        Raises:
            ValueError: Naming the first that is wrong.
        """
        for name, keys in _KEYS.items():
            for item in annotations.get(name, [{}]):
                if missing := keys - item.keys():
                    raise ValueError(f"annotations are no COCO instances: {name} lack {sorted(missing)}")
            ids = [item["id"] for item in annotations[name]]
            if len(set(ids)) < len(ids):
                raise ValueError(f"two of the {name} have the same id")
        _check_references(annotations)
        _check_boxes(annotations)
        return annotations


def _check_references(annotations: dict[str, Any]) -> None:
    for key, name in (("image_id", "images"), ("category_id", "categories")):
        unknown = {item[key] for item in annotations["annotations"]} - {item["id"] for item in annotations[name]}
        if unknown:
            raise ValueError(f"annotations name {key}s that {name} lack: {min(unknown)}")


def _check_boxes(annotations: dict[str, Any]) -> None:
    if not annotations["annotations"]:
        return
    sizes = {item["id"]: (item["width"], item["height"]) for item in annotations["images"]}
    boxes = np.array([item["bbox"] for item in annotations["annotations"]], dtype=np.float64)
    limits = np.array([sizes[item["image_id"]] for item in annotations["annotations"]])
    ends = boxes[:, :2] + boxes[:, 2:]
    good = (boxes[:, :2] >= -_ROUNDING) & (boxes[:, 2:] > 0) & (ends <= limits + _ROUNDING)
    if not good.all():
        number = int(np.argmin(good.all(axis=1)))
        raise ValueError(f"a box is not on its photo: {annotations['annotations'][number]}")
