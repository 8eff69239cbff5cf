"""A pinhole camera in front of a shelf."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    The world has x to the right, y down and z into the shelf; z = 0 is the plane of the shelf's front. One unit
    is about the height that a photo shows.
    """

    position: NDArray[np.float64]
    """Where it stands, shape (3,)."""
    rotation: NDArray[np.float64]
    """From world to camera axes, shape (3, 3)."""
    focal_px: float
    """Focal length in pixels."""
    width: int
    """Pixels across."""
    height: int
    """Pixels down."""

    def project(self, points: ArrayLike) -> NDArray[np.float64]:
        """Project world points, shape (n, 3), to pixels (x, y), shape (n, 2); pixel (0, 0) covers [0, 1) x [0, 1)."""
        seen = (np.asarray(points, dtype=np.float64) - self.position) @ self.rotation.T
        centre = np.array([self.width / 2, self.height / 2])
        return np.asarray(self.focal_px * seen[:, :2] / np.maximum(seen[:, 2:], 1e-3) + centre, dtype=np.float64)

    def reach(self, z: float) -> NDArray[np.float64]:
        """Where the photo's corners lie on the plane at `z`: x and y, shape (4, 2)."""
        right, down = self.width / 2, self.height / 2
        rays = np.array([[x, y, self.focal_px] for x in (-right, right) for y in (-down, down)]) @ self.rotation
        steps = (z - self.position[2]) / rays[:, 2:]
        return np.asarray((self.position + rays * steps)[:, :2], dtype=np.float64)


def draw_camera(rng: np.random.Generator, width: int, height: int) -> Camera:
    """Draw a camera as somebody holds it who photographs a shelf: mostly facing it, sometimes from the side."""
    distance = rng.uniform(1.25, 1.9)
    yaw = np.deg2rad(rng.choice([rng.normal(0, 5), rng.uniform(-24, 24)]))
    pitch = np.deg2rad(np.clip(rng.normal(2, 5), -9, 11))
    roll = np.deg2rad(np.clip(rng.normal(0, 1.2), -3, 3))
    aim = np.array([0.0, rng.uniform(-0.1, 0.1), 0.0])
    forward = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    side = np.cross([0.0, 1.0, 0.0], forward)
    side /= np.linalg.norm(side)
    down = np.cross(forward, side)
    across = np.cos(roll) * side + np.sin(roll) * down
    rotation = np.stack([across, np.cross(forward, across), forward])
    view_height = rng.uniform(0.92, 1.12)
    return Camera(aim - distance * forward, rotation, distance * height / view_height, width, height)
