"""The judges' networks and losses: shapes, formulas, errors."""

import doctest

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facelab.judges import losses, model
from facelab.judges.model import Painter, Reader


@pytest.mark.parametrize("module", [model, losses], ids=lambda module: module.__name__)
def test_docstring_examples_run(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted
    assert not outcome.failed


def test_a_reader_reads_and_a_painter_paints():
    images = torch.rand(3, 3, 48, 48)
    reader = Reader(size=48, outputs=17, width=8, features=24)
    assert reader(images).shape == (3, 17)
    assert reader.features(images).shape == (3, 24)
    assert reader.features(images).min() >= 0
    depth, normals, head = model.split(Painter(size=48, width=8)(images))
    assert depth.shape == head.shape == (3, 48, 48)
    torch.testing.assert_close(normals.norm(dim=1), torch.ones(3, 48, 48))


def test_a_frozen_judge_sees_each_picture_by_itself():
    reader = Reader(size=32, outputs=8, width=8).eval()
    images = torch.rand(4, 3, 32, 32)
    torch.testing.assert_close(reader(images)[:1], reader(images[:1]))


@pytest.mark.parametrize(
    "network", [Reader(size=32, outputs=8, width=8), Painter(size=32, width=8)]
)
@pytest.mark.parametrize(
    "images",
    [
        torch.rand(2, 3, 48, 48),
        torch.rand(2, 1, 32, 32),
        torch.rand(3, 32, 32),
        torch.zeros(2, 3, 32, 32, dtype=torch.uint8),
    ],
    ids=["size", "channels", "no batch", "bytes"],
)
def test_wrong_images_are_refused_with_what_came(network, images):
    with pytest.raises(ValueError, match=r"expected images \(B, 3, 32, 32\).*got \("):
        network(images)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Reader(size=40, outputs=8), "size is a multiple of 16, got 40"),
        (lambda: Reader(size=32, outputs=8, width=12), "width is a multiple of 8, got 12"),
        (lambda: Reader(size=32, outputs=0), "positive, got 0, 96"),
        (lambda: Painter(size=20), "size is a multiple of 16, got 20"),
        (lambda: Painter(size=32, width=4), "width is a multiple of 8, got 4"),
    ],
)
def test_wrong_sizes_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_mixtures_do_not_count_as_emotions():
    logits = torch.randn(4, 8)
    emotion = torch.tensor([2, -1, 5, -1])
    expected = F.cross_entropy(logits[[0, 2]], emotion[[0, 2]])
    torch.testing.assert_close(losses.expression_loss(logits, emotion), expected)


def test_the_units_loss_is_least_at_the_truth():
    units = torch.rand(5, 17).clamp(0.05, 0.95)
    logits = units.logit().requires_grad_()
    losses.units_loss(logits, units).backward()
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits), atol=1e-7, rtol=0)


@pytest.mark.parametrize("kind", ["cosface", "arcface"])
def test_without_a_margin_both_are_the_plain_softmax(kind):
    cosines = torch.rand(6, 9) * 1.8 - 0.9
    people = torch.randint(9, (6,))
    logits = losses.margin_logits(cosines, people, margin=0.0, scale=16.0, kind=kind)
    torch.testing.assert_close(logits, 16 * cosines, atol=1e-4, rtol=1e-4)


def test_arcface_adds_to_the_angle_and_stays_monotonic():
    angle = torch.linspace(0.05, 3.09, 50)
    cosines, people = angle.cos()[:, None], torch.zeros(50, dtype=torch.long)
    logits = losses.margin_logits(cosines, people, margin=0.5, scale=1.0, kind="arcface")[:, 0]
    inside = angle + 0.5 < np.pi
    torch.testing.assert_close(logits[inside], (angle[inside] + 0.5).cos(), atol=1e-4, rtol=1e-3)
    assert (logits.diff() < 0).all()


def test_margin_logits_refuse_nonsense():
    cosines, people = torch.zeros(1, 2), torch.tensor([0])
    with pytest.raises(ValueError, match="kind is cosface or arcface, got 'sphere'"):
        losses.margin_logits(cosines, people, margin=0.1, scale=1.0, kind="sphere")
    with pytest.raises(ValueError, match="margin >= 0 and scale > 0, got -0.1 and 1.0"):
        losses.margin_logits(cosines, people, margin=-0.1, scale=1.0)


def test_the_identity_loss_takes_any_length():
    torch.manual_seed(0)
    embeddings, directions = torch.randn(4, 6), torch.randn(5, 6)
    people = torch.tensor([0, 4, 2, 2])
    loss = losses.identity_loss(embeddings, directions, people)
    torch.testing.assert_close(losses.identity_loss(3 * embeddings, directions / 2, people), loss)
    assert loss > losses.identity_loss(embeddings, directions, people, margin=0.0)


def test_geometry_counts_inside_the_head_only():
    torch.manual_seed(0)
    true_normals = F.normalize(torch.randn(2, 3, 8, 8), dim=1)
    inside = torch.zeros(2, 8, 8, dtype=torch.bool)
    inside[:, 2:6, 2:6] = True
    depth = torch.where(inside, 0.0, 9.0)  # wrong outside
    terms = losses.geometry_loss(
        depth, true_normals, torch.where(inside, 30.0, -30.0), depth * 0, true_normals, inside
    )
    assert all(value.item() == pytest.approx(0, abs=1e-6) for value in terms.values())
    worse = losses.geometry_loss(
        depth + 2, -true_normals, torch.zeros(2, 8, 8), depth * 0, true_normals, inside
    )
    assert worse["depth"].item() == pytest.approx(2)
    assert worse["normals"].item() == pytest.approx(2)
    assert worse["head"].item() == pytest.approx(np.log(2))


def test_groups_of_factors_must_add_up():
    with pytest.raises(ValueError, match="groups of 4 columns, predictions of 3"):
        losses.factors_loss(torch.zeros(1, 3), torch.zeros(1, 3), [2, 2])
