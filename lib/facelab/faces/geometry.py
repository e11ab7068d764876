"""From factors to vertices: the linear head, gaze, neck and pose."""

import numpy as np

from facelab.faces.factors import Factors
from facelab.faces.head import Head

PIVOT = np.array([0.0, -9.0, -7.0], np.float32)  # cm: about where the skull turns on the neck
BODY_SHARE = 0.35  # of the head's turn that the shoulders make


def rotation(pose: np.ndarray) -> np.ndarray:
    """Rotation matrices (N, 3, 3) of poses (N, 3) in degrees.

    Points turn as `points @ R.transpose(0, 2, 1)`.

    `R = Rz(-roll) Ry(yaw) Rx(-pitch)`: the head first nods, then turns, and roll is a rotation in
    the picture. Yaw > 0 turns the face to the image's right, pitch > 0 up, roll > 0 clockwise.
    """
    yaw, pitch, roll = np.deg2rad(np.asarray(pose, np.float64)).T
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)

    def matrix(*rows):  # nine (N,) entries -> (N, 3, 3)
        return np.stack(rows, -1).reshape(-1, 3, 3)

    c, s = np.cos(yaw), np.sin(yaw)
    turn = matrix(c, zero, s, zero, one, zero, -s, zero, c)
    c, s = np.cos(pitch), np.sin(pitch)
    nod = matrix(one, zero, zero, zero, c, s, zero, -s, c)
    c, s = np.cos(roll), np.sin(roll)
    lean = matrix(c, s, zero, -s, c, zero, zero, zero, one)
    return (lean @ turn @ nod).astype(np.float32)


def face(head: Head, factors: Factors) -> np.ndarray:
    """Vertices (N, V, 3) in head space (cm) with shape, expression and gaze, without pose."""
    basis = np.concatenate([head.identity, head.actions]).reshape(-1, head.mean.size)
    if factors.shape.shape[1] != len(head.identity):
        raise ValueError(
            f"factors.shape has {factors.shape.shape[1]} coefficients, the head "
            f"{len(head.identity)}: they come from different versions"
        )
    both = np.concatenate([factors.shape, factors.expression], 1)  # (N, I + 52)
    vertices = (both @ basis + head.mean.ravel()).reshape(len(factors), -1, 3)  # (N, V, 3)
    turn = rotation(np.pad(factors.gaze, ((0, 0), (0, 1))))
    for side in (0, 1):  # each eyeball turns about its own centre
        ball = np.flatnonzero(head.eyeball == side)
        centre = vertices[:, ball].mean(1, keepdims=True)
        vertices[:, ball] = (vertices[:, ball] - centre) @ turn.transpose(0, 2, 1) + centre
    return vertices


def posed(head: Head, vertices: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Turns faces (N, V, 3) by pose (N, 3): the head as a rigid whole about the origin.

    The body follows by BODY_SHARE of the turn about the same neck joint (PIVOT), blended along the
    neck by `Head.masks["rigid"]`, so that shoulders do not swing with the face.
    """
    whole = rotation(pose)
    part = rotation(np.asarray(pose) * BODY_SHARE)
    moved = vertices @ whole.transpose(0, 2, 1)
    joint = (whole @ PIVOT)[:, None]  # where the neck's joint goes when the head turns
    body = (vertices - PIVOT) @ part.transpose(0, 2, 1) + joint
    rigid = head.masks["rigid"][None, :, None]
    return rigid * moved + (1 - rigid) * body
