"""The iBUG-68 landmarks as points of the mesh, and their way into the picture."""

import numpy as np

# Rough frontal places (x, y) in cm on the mean head, image-left half; the rest by mirroring.
_ROUGH = {
    0: (-7.2, -1), 1: (-7.1, -3), 2: (-6.9, -5), 3: (-6.5, -7), 4: (-5.8, -8.6), 5: (-4.6, -9.9),
    6: (-3.2, -10.9), 7: (-1.6, -11.5), 8: (0, -11.7), 17: (-5.6, 1.6), 18: (-4.8, 2.1),
    19: (-3.8, 2.2), 20: (-2.8, 1.9), 21: (-1.8, 1.5), 27: (0, 0.2), 28: (0, -1.2), 29: (0, -2.6),
    30: (0, -4), 31: (-1.3, -5.2), 32: (-0.7, -5.3), 33: (0, -5.4), 36: (-4.6, -0.2),
    37: (-3.8, 0.3), 38: (-2.7, 0.3), 39: (-1.9, -0.2), 40: (-2.6, -0.6), 41: (-3.6, -0.7),
    48: (-2.4, -7.8), 49: (-1.5, -7.3), 50: (-0.6, -6.9), 51: (0, -7), 57: (0, -8.8),
    58: (-0.7, -8.8), 59: (-1.6, -8.5), 60: (-2.2, -7.8), 61: (-0.9, -7.7), 62: (0, -7.7),
    66: (0, -7.8), 67: (-0.9, -7.8),
}  # fmt: skip
MIRROR = np.array(
    [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47,
     46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60,
     67, 66, 65]
)  # fmt: skip


def locate(mean: np.ndarray, base_index: np.ndarray, mirror: np.ndarray) -> dict[str, np.ndarray]:
    """Barycentric mesh points of the 68 landmarks: vertices (68, 3), weights (68, 3)."""
    vertices = np.zeros((68, 3), np.int32)
    front = np.flatnonzero((base_index < 13380) & (mean[:, 2] > -8))
    for number, (x, y) in _ROUGH.items():
        cost = ((mean[front, :2] - (x, y)) ** 2).sum(1) - 0.05 * mean[front, 2]
        vertices[number] = front[cost.argmin()]
        if MIRROR[number] != number:
            vertices[MIRROR[number]] = mirror[vertices[number]]
    return {"landmark_vertices": vertices, "landmark_weights": np.full((68, 3), 1 / 3)}
