"""Crops: the pixel-centre convention, padding, anti-aliasing, the squares and their inverses."""

import numpy as np
import pytest
import torch
from PIL import Image

from facelab import FacelabError
from facelab.data import Record, crops


@pytest.fixture
def landmarks() -> np.ndarray:
    generator = np.random.default_rng(3)
    return generator.uniform([100, 80], [220, 260], size=(68, 2)).astype(np.float32)


def test_landmark_square_is_the_renderers(landmarks):
    square = crops.landmark_square(landmarks, 1.15)
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    assert square.side == pytest.approx(1.15 * (high - low).max())
    middle = [square.left + square.side / 2, square.top + square.side / 2]
    np.testing.assert_allclose(middle, (low + high) / 2, rtol=1e-6)
    transform = crops.Transform(square.left, square.top, 64 / square.side)
    np.testing.assert_allclose(crops.to_crop((low + high) / 2, transform), 31.5, atol=1e-4)
    some = landmarks.copy()
    inner = ~((landmarks == low) | (landmarks == high)).any(axis=1)
    some[inner] = np.nan  # unknown points inside the box change nothing
    assert crops.landmark_square(some, 1.15) == pytest.approx(square)


def test_there_and_back_is_exact(landmarks):
    transform = crops.Transform(-13.25, 40.5, 64 / 311.0)
    back = crops.to_image(crops.to_crop(landmarks, transform), transform)
    np.testing.assert_allclose(back, landmarks, atol=1e-4)
    edges = crops.to_crop(np.array([[-13.25, 40.5], [-13.25 + 311, 40.5 + 311]]), transform)
    np.testing.assert_allclose(edges, [[-0.5, -0.5], [63.5, 63.5]], atol=1e-5)


def test_whole_pixels_are_copied(landmarks):
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    square = crops.Square(9.5, 4.5, 16)  # pixels 10..25 and 5..20
    pixels, transform = crops.crop_and_resize(image, square, 16)
    np.testing.assert_array_equal(
        (pixels * 255).round().permute(1, 2, 0).numpy(), image[5:21, 10:26]
    )
    np.testing.assert_allclose(crops.to_crop(np.array([10.0, 5.0]), transform), [0, 0])


def test_a_dot_lands_where_the_transform_says():
    image = np.zeros((200, 300, 3), np.uint8)
    centre = np.array([171.0, 92.0])
    image[90:95, 169:174] = 255
    square = crops.Square(60.3, 11.7, 170.0)
    pixels, transform = crops.crop_and_resize(image, square, 48)
    weight = pixels.mean(dim=0)
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    found = [float((weight * axis).sum() / weight.sum()) for axis in (x, y)]
    np.testing.assert_allclose(found, crops.to_crop(centre, transform), atol=0.02)


def test_beyond_the_photograph_the_edge_is_repeated():
    image = np.zeros((20, 20, 3), np.uint8)
    image[:, 0], image[:, -1] = (255, 0, 0), (0, 0, 255)
    pixels, _ = crops.crop_and_resize(image, crops.Square(-20.5, -20.5, 60), 60)
    assert (pixels[0, :, :20] == 1).all()
    assert (pixels[2, :, 40:] == 1).all()
    assert (pixels[1] == 0).all()
    far, _ = crops.crop_and_resize(image, crops.Square(500.0, 500.0, 8), 8)
    assert (far[2] == 1).all()  # wholly outside: the nearest corner


def test_shrinking_is_anti_aliased():
    image = np.zeros((256, 256, 3), np.uint8)
    image[:, ::2] = 255  # the finest stripes there are
    pixels, _ = crops.crop_and_resize(image, crops.Square(-0.5, -0.5, 256), 32)
    assert (pixels[:, :, 1:-1] - 0.5).abs().max() < 0.01  # edge columns see the edge repeated


def test_five_points_of_the_laplace_paper():
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[36:42], landmarks[42:48] = (100, 100), (160, 100)
    landmarks[30], landmarks[48], landmarks[54] = (130, 140), (110, 170), (150, 170)
    square = crops.five_point_square(landmarks, 2.0)
    assert square == pytest.approx((60.0, 65.0, 140.0))
    outside = crops.outside(landmarks, square)
    assert outside[0]
    assert not outside[36:49].any()


def test_jitter_is_repeatable_and_bounded():
    square = crops.Square(10.0, 20.0, 100.0)
    for seed in range(20):
        first, second = (crops.jittered(square, 0.1, np.random.default_rng(seed)) for _ in range(2))
        assert first == second
        assert 100 / 1.1 <= first.side <= 110
        assert abs(first.left + first.side / 2 - 60) <= 10
    assert crops.jittered(square, 0.0, np.random.default_rng(0)) == square


def test_bad_squares_are_refused():
    with pytest.raises(FacelabError, match="no square around the box"):
        crops.square_crop(np.array([5, 5, 5, 5]))
    with pytest.raises(FacelabError, match="no square around the box"):
        crops.square_crop(np.full(4, np.nan))
    with pytest.raises(FacelabError, match="margin"):
        crops.square_crop(np.array([0, 0, 5, 5]), 0.0)
    with pytest.raises(FacelabError, match="fewer than two"):
        crops.landmark_square(np.full((68, 2), np.nan))
    with pytest.raises(FacelabError, match="uint8"):
        crops.crop_and_resize(np.zeros((4, 4, 3)), crops.Square(0, 0, 4), 4)


def test_crop_records_by_landmarks_or_box(tmp_path, landmarks):
    path = tmp_path / "noise.png"
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    box = np.concatenate([landmarks.min(axis=0), landmarks.max(axis=0)])
    unknown = np.full((68, 2), np.nan, np.float32)
    records = [
        Record(path=path, landmarks=landmarks, visible=np.ones(68, bool), box=box),
        Record(path=path, landmarks=unknown, visible=np.zeros(68, bool), box=box),
    ]
    found = crops.crop_records(records, size=32)
    assert found.image.shape == (2, 3, 32, 32)
    assert len(found) == 2
    torch.testing.assert_close(found.image[0], found.image[1])
    assert found.landmarks[1].isnan().all()
    assert not found.visible[1].any()
    inside = (found.landmarks[0] > -0.5) & (found.landmarks[0] < 31.5)
    assert inside.all()
    with pytest.raises(FacelabError, match=r"noise\.png"):
        nowhere = Record(
            path=path, landmarks=unknown, visible=np.zeros(68, bool), box=np.full(4, np.nan)
        )
        crops.crop_records([nowhere], size=32)
