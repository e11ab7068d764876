"""The pictures of geometry-guided synthesis: their geometry, the true answers, batches."""

import pytest
import torch

from facelab.faces import EMOTIONS
from facelab.papers.geometry import data, sets
from facelab.papers.geometry.model import depth_map
from facelab.papers.geometry.reconstruction import EXACT, Noise

SIZE = 32


# ---- the pictures


@pytest.fixture(scope="module", params=sets.DATA_SETS)
def dataset(request):
    return request.param


def test_pairs_have_pictures_with_both_geometries(dataset):
    found = data.pairs(dataset, 30, size=SIZE)
    N = len(found)
    assert found.drawn == 30
    assert N < 30
    assert found.images.shape == (N, 3, SIZE, SIZE)
    assert found.images.dtype == torch.uint8
    assert found.images.is_contiguous()
    assert sum(found.counts().values()) == len(found.people) == len(found.expression) == N
    for maps in (found.fitted, found.true):
        assert maps["depth"].shape == (N, 1, SIZE, SIZE)
        assert maps["normals"].shape == (N, 3, SIZE, SIZE)
        assert (maps["depth"].flatten(1).amax(dim=1) == 127).all()  # the nearest point
    face = found.fitted["normals"].ne(0).any(dim=1)
    lengths = data.decoded(found.true["normals"]).norm(dim=1)[face]
    assert lengths.median().item() == pytest.approx(1.0, abs=0.01)
    error = data.decoded(found.fitted["depth"]) - data.decoded(found.true["depth"])
    assert 0.005 < error.squeeze(1).abs()[face].median() < 0.3
    moved = found.to("cpu")
    assert torch.equal(moved.true["depth"], found.true["depth"])
    assert moved.drawn == 30


def test_the_clean_up_takes_the_bad_fits_away():
    noise = Noise(failures=0.5)
    clean, all_of = (data.pairs("affectnet", 24, size=SIZE, noise=noise, cleaned=limit)
                     for limit in (10.0, None))  # fmt: skip
    assert len(clean) < 20 < len(all_of) == 24
    rows = [all_of.people.tolist().index(person) for person in clean.people.tolist()]
    assert rows == sorted(rows)
    assert torch.equal(all_of.images[rows], clean.images)
    assert torch.equal(all_of.fitted["normals"][rows], clean.fitted["normals"])


def test_exact_fits_are_the_truth_of_the_face():
    found = data.pairs("rafd", 20, size=SIZE, noise=EXACT, cleaned=None)
    face = found.fitted["normals"].ne(0).any(dim=1) & found.true["normals"].ne(0).any(dim=1)
    facing = torch.cosine_similarity(
        data.decoded(found.fitted["normals"]), data.decoded(found.true["normals"]), dim=1
    )
    assert facing[face].median() > 0.97


def test_true_answers_are_the_same_faces_with_another_expression(dataset):
    found = data.questions(dataset, 9, size=SIZE)
    assert len(found) == 9
    assert found.truth.shape == (8, 9, 3, SIZE, SIZE)
    assert found.depth.shape == (8, 9, SIZE, SIZE)
    assert found.landmarks.shape == (8, 9, 68, 2)
    assert found.units.shape == (8, 17)
    for row, own in enumerate(found.expression.tolist()):
        assert torch.equal(found.truth[own, row], found.images[row])
        assert not found.asked[own, row]
    assert found.asked.sum() == 7 * 9
    happy, neutral = (found.truth[EMOTIONS.index(name)].float() for name in ("happy", "neutral"))
    change = (happy - neutral).abs().mean(dim=1)  # (9, H, W)
    middle = slice(SIZE // 4, 3 * SIZE // 4)
    assert change[:, SIZE // 2 :, middle].mean() > 2 * change[:, :4].mean()
    corner = found.landmarks[:, :, 48]
    assert (corner[EMOTIONS.index("happy")] - corner[0]).norm(dim=1).min() > 0.2
    assert depth_map(found.depth[0]).amax(dim=(1, 2, 3)).min() == 1.0
    images, expression = data.real(dataset, 16, size=SIZE)
    assert images.shape == (16, 3, SIZE, SIZE)
    assert len(expression) == 16
    if dataset == "affectnet":
        trained = data.pairs(dataset, 30, size=SIZE)
        assert not set(trained.people.tolist()) & set(found.people.tolist())


# ---- batches


def test_batches_keep_picture_and_geometry_together_and_mirror_both():
    N = 6
    codes = torch.arange(N * 16).view(N, 1, 4, 4).to(torch.int8)
    normals = torch.cat([codes, 2 * torch.ones_like(codes), 3 * torch.ones_like(codes)], dim=1)
    found = data.Pairs(
        images=codes.expand(-1, 3, -1, -1).to(torch.uint8), expression=torch.arange(N),
        people=torch.arange(N), fitted={"depth": codes, "normals": normals}, true={}, drawn=N,
    )  # fmt: skip
    mirrored = set()
    for seed in range(12):
        for name in ("depth", "normals"):
            generator = torch.Generator().manual_seed(seed)
            images, expression, maps = data.drawn(found, 3, name, generator)
            flip = (images[0, 0, 0, 0] > images[0, 0, 0, 1]).item()
            expected = data.decoded(found.fitted[name][expression])
            if flip:
                expected = expected.flip(3)
                if name == "normals":
                    expected[:, 0] *= -1
            torch.testing.assert_close(maps, expected)
            mirrored.add(flip)
    assert mirrored == {False, True}


def test_targets_are_shuffled_or_even():
    own = torch.tensor([0, 0, 0, 5])
    generator = torch.Generator().manual_seed(0)
    shuffled = data.targets(own, kind="shuffled", generator=generator)
    assert sorted(shuffled.tolist()) == [0, 0, 0, 5]
    even = torch.cat([data.targets(own, kind="even", generator=generator) for _ in range(300)])
    assert (torch.bincount(even, minlength=8) > 90).all()
    with pytest.raises(ValueError, match="shuffled or even"):
        data.targets(own, kind="odd", generator=generator)
