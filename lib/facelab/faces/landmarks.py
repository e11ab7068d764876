"""The iBUG-68 landmarks as points of the mesh, and the contour's slide on turned heads.

Points 17-67 are fixed to the skin: small weighted sums of base-mesh vertices, chosen by eye on the
mean head where 300-W's annotators click: brows along the hair's upper half, lids at their margins,
eyes from the outer corner to the caruncle, the lips' outer points on the vermilion border.

The contour (0-16) is no set of skin points: annotators mark the *visible outline* of the face. On a
frontal face that is the line from ear to ear over the jaw, and so are our rest points. On a turned
head the far half of that line is hidden, and annotators mark the silhouette instead; on the near
half they follow the edge of the jaw back to the ear. So each contour point owns a *track*, a line
over the skin from the jaw's edge before the ear, through its rest point, to the inner cheek, and
`points` takes the place on it that lies farthest outwards in the picture: the silhouette on the far
side, the jaw's edge on the near side. The chin slides up its front when the head looks down. The
slide is discrete along the track, where the silhouette is tangent to it, so the jump between
neighbours is far below a pixel.
"""

import numpy as np

from facelab.faces.head import Head

BACK, INNER = 8, 24  # places on each track behind the rest point, and from it inwards

# Weighted vertices of MakeHuman's base mesh: image-left half and midline, the rest by mirroring.
_FIXED: dict[int, dict[int, float]] = {
    17: {255: 0.45, 207: 0.55}, 18: {225: 0.2, 206: 0.5, 224: 0.3}, 19: {204: 0.85, 222: 0.15},
    20: {205: 1}, 21: {208: 0.8, 181: 0.2},
    27: {132: 0.55, 136: 0.45}, 28: {135: 0.55, 131: 0.45}, 29: {164: 0.7, 201: 0.3},
    30: {294: 0.5, 5054: 0.5}, 31: {286: 0.5, 320: 0.5}, 32: {313: 0.8, 314: 0.2},
    33: {312: 0.4, 317: 0.6},
    36: {21: 1}, 37: {0: 1}, 38: {54: 0.75, 57: 0.25}, 39: {66: 0.5, 4869: 0.5},
    40: {47: 0.65, 50: 0.35}, 41: {41: 1},
    48: {425: 0.5, 501: 0.5}, 49: {5354: 0.6, 5364: 0.4}, 50: {450: 0.5, 356: 0.5},
    51: {455: 0.5, 362: 0.5}, 57: {492: 0.65, 5337: 0.35}, 58: {486: 0.6, 5336: 0.2, 480: 0.2},
    59: {370: 0.5, 480: 0.5},
    60: {3708: 1}, 61: {522: 0.7, 472: 0.3}, 62: {520: 0.7, 474: 0.3}, 66: {523: 1}, 67: {517: 1},
}  # fmt: skip

# Contour points 0-8 on the frontal mean head, cm: rest point, inner end of the track,
# and the outward direction. Rest points are evenly spaced along the face's outline.
_CONTOUR = np.array(
    [[-7.21, -0.46, -5.10, -0.60, -1.00, 0.00], [-7.15, -2.53, -3.60, -2.40, -1.00, 0.00],
     [-6.93, -4.54, -3.20, -4.20, -1.00, 0.00], [-6.41, -6.44, -3.00, -5.90, -0.97, -0.23],
     [-5.65, -8.26, -2.90, -7.50, -0.88, -0.47], [-4.54, -9.88, -2.40, -8.70, -0.71, -0.71],
     [-3.06, -11.01, -1.70, -9.50, -0.42, -0.91], [-1.51, -11.64, -0.85, -9.80, -0.18, -0.98],
     [0.00, -11.80, 0.00, -9.80, 0.00, -1.00]]
)  # fmt: skip
# Back ends of the tracks of points 0-5, (z, y) in cm as seen from the side; 6-8 have none.
_EDGE = np.array(
    [[-6.2, -0.5], [-6.0, -2.6], [-6.0, -4.7], [-5.9, -6.7], [-4.6, -8.6], [-3.1, -10.2]]
)

MIRROR = np.array(
    [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47,
     46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60,
     67, 66, 65]
)  # fmt: skip
"""(68,) the landmark that a landmark becomes in a mirrored picture."""


def points(
    head: Head, vertices: np.ndarray, pose: np.ndarray, distance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of posed faces, with the contour slid to the silhouette.

    Args:
        head: the head the faces were made with.
        vertices: (N, V, 3) cm, already turned by `pose` (see geometry.posed).
        pose: (N, 3) degrees; only its roll is used, for what "outwards" means in the picture.
        distance: (N,) cm from the camera to the origin.

    Returns:
        points (N, 68, 3) in the same space, to be projected like the vertices, and slid (N, 68)
        bool, True where a contour point slid inwards. Such a point lies on the silhouette,
        so a depth test should give it some centimetres of tolerance or count it visible.
    """
    rest = _combine(vertices, head.landmark_vertices, head.landmark_weights)  # (N, 68, 3)
    tracks = _combine(vertices, head.contour_vertices, head.contour_weights)  # (N, 17, M, 3)
    roll = np.deg2rad(np.asarray(pose, np.float64)[:, 2])
    cos, sin = np.cos(roll), np.sin(roll)
    x, y = head.contour_outward.T  # (17,) each
    outward = np.stack(
        [cos[:, None] * x + sin[:, None] * y, cos[:, None] * y - sin[:, None] * x], -1
    )  # (N, 17, 2), rolled clockwise with the head
    scale = 1 / np.maximum(np.asarray(distance)[:, None, None] - tracks[..., 2], 1e-3)
    reach = np.einsum("nkmc,nkc->nkm", tracks[..., :2] * scale[..., None], outward)
    chosen = reach.argmax(2)  # (N, 17)
    rest[:, :17] = np.take_along_axis(tracks, chosen[..., None, None], 2)[:, :, 0]
    slid = np.zeros(rest.shape[:2], bool)
    slid[:, :17] = chosen > BACK
    return rest, slid


def facing(head: Head, vertices: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Visibility from normals alone, for when there is no depth to test against: (N, 68) bool.

    True where the skin at the rest point does not face away from the camera. It knows nothing of
    noses before cheeks or of hands; the renderer's depth test is the real thing.
    """
    corners = vertices[:, head.triangles]  # (N, T, 3, 3)
    normals = np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    summed = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(summed, (slice(None), head.triangles[:, corner]), normals)
    at = _combine(vertices, head.landmark_vertices, head.landmark_weights)  # (N, 68, 3)
    normal = _combine(summed, head.landmark_vertices, head.landmark_weights)
    towards = np.stack([0 * distance, 0 * distance, distance], -1)[:, None] - at
    return (normal * towards).sum(2) > 0


def _combine(vertices: np.ndarray, which: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Barycentric points (N, ..., 3) of vertices (N, V, 3) by indices and weights (..., 3)."""
    return np.einsum("n...kc,...k->n...c", vertices[:, which], weights)


def locate(
    mean: np.ndarray, triangles: np.ndarray, skin: np.ndarray, base_index: np.ndarray,
    mirror: np.ndarray,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Everything about landmarks that the head file keeps, found on the mean head (V, 3).

    Args:
        skin: (T,) bool, the triangles that contour points may lie on (no ears, eyes, lashes).
    """
    number = np.full(base_index.max() + 1, -1)
    number[base_index] = np.arange(len(base_index))
    vertices, weights = np.zeros((68, 3), np.int32), np.zeros((68, 3))
    tracks = np.zeros((17, BACK + INNER, 3), np.int32), np.zeros((17, BACK + INNER, 3))
    outward = np.zeros((17, 2))
    for k, (x0, y0, x1, y1, *direction) in enumerate(_CONTOUR):
        share = np.linspace(0, 1, INNER)[:, None]
        places = (1 - share) * (x0, y0) + share * (x1, y1)
        front = _front(mean, triangles[skin], places)
        rest = (mean[front[0][0]] * front[1][0][:, None]).sum(0)
        back = [np.repeat(part[:1], BACK, 0) for part in front]
        if k < len(_EDGE):
            share = np.linspace(0, 1, BACK, endpoint=False)[:, None]
            places = (1 - share) * _EDGE[k] + share * rest[[2, 1]]
            back = _front(mean[:, [2, 1, 0]] * (1, 1, -1), triangles[skin], places)
        for track, *ends in zip(tracks, back, front, strict=True):
            track[k] = np.concatenate(ends)
        outward[k] = direction
        vertices[k], weights[k] = front[0][0], front[1][0]
        tracks[0][16 - k], tracks[1][16 - k] = mirror[tracks[0][k]], tracks[1][k]
        outward[16 - k] = outward[k] * [-1, 1]
    for k, parts in _FIXED.items():
        vertices[k, : len(parts)] = number[list(parts)]
        weights[k, : len(parts)] = list(parts.values())
    for k in (*range(8), *_FIXED):
        if MIRROR[k] != k:
            vertices[MIRROR[k]], weights[MIRROR[k]] = mirror[vertices[k]], weights[k]
    return {
        "landmark_vertices": vertices, "landmark_weights": weights, "contour_vertices": tracks[0],
        "contour_weights": tracks[1], "contour_outward": outward,
    }  # fmt: skip


def _front(mean, triangles, places) -> tuple[np.ndarray, np.ndarray]:
    """The foremost mesh points at frontal places (M, 2) cm: vertices (M, 3), weights (M, 3)."""
    a, b, c = (mean[triangles[:, k]] for k in range(3))
    area = _cross(b - a, c - a)
    found = np.zeros((len(places), 3), np.int32), np.zeros((len(places), 3))
    for row, place in enumerate(places):
        p = np.append(place, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            u, v = _cross(b - p, c - p) / area, _cross(c - p, a - p) / area
        weights = np.stack([u, v, 1 - u - v], 1)
        depth = np.where((weights >= 0).all(1) & (area > 1e-6),
                         (weights * np.stack([a, b, c], 1)[..., 2]).sum(1), -np.inf)  # fmt: skip
        best = depth.argmax()
        if not np.isfinite(depth[best]):
            raise ValueError(f"no skin at {place} cm on the mean head")
        found[0][row], found[1][row] = triangles[best], weights[best]
    return found


def _cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """z component of the cross product of the first two coordinates."""
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
