"""Reading images: every mode and disguise gives upright RGB, every damage a named file."""

import numpy as np
import pytest
from PIL import Image

from facelab.data import DataError, image_size, read_image


@pytest.fixture
def picture() -> np.ndarray:
    """(12, 20, 3) uint8 with every channel different and no symmetry."""
    y, x = np.mgrid[0:12, 0:20]
    return np.stack([x * 12, y * 20, 255 - x * 6 - y * 6], axis=-1).astype(np.uint8)


def test_png_bytes_in_a_jpg_are_read_exactly(tmp_path, picture):
    path = tmp_path / "face.jpg"
    Image.fromarray(picture).save(path, format="PNG")
    np.testing.assert_array_equal(read_image(path), picture)
    assert image_size(path) == (20, 12)


def test_palette_grey_and_alpha_become_rgb(tmp_path, picture):
    image = Image.fromarray(picture)
    image.quantize(64).save(tmp_path / "p.png")
    image.convert("L").save(tmp_path / "l.png")
    image.convert("1").save(tmp_path / "1.png")
    image.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    for name in ("p.png", "l.png", "1.png", "cmyk.jpg"):
        assert read_image(tmp_path / name).shape == (12, 20, 3), name
    grey = read_image(tmp_path / "l.png")
    assert (grey == grey[..., :1]).all()
    assert np.abs(read_image(tmp_path / "p.png").astype(int) - picture).mean() < 20


def test_transparent_pixels_show_white_and_opaque_ones_their_colour(tmp_path, picture):
    alpha = np.full((12, 20, 1), 255, np.uint8)
    alpha[:, :10] = 0
    Image.fromarray(np.concatenate([picture, alpha], axis=-1)).save(tmp_path / "rgba.png")
    found = read_image(tmp_path / "rgba.png")
    assert (found[:, :10] == 255).all()
    np.testing.assert_array_equal(found[:, 10:], picture[:, 10:])


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    found = read_image(tmp_path / "deep.png")[..., 0]
    np.testing.assert_allclose(found, ramp / 257, atol=0.51)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, picture, orientation):
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(undo[orientation](picture))
    path = tmp_path / "turned.png"
    Image.fromarray(stored).save(path, exif=exif)
    np.testing.assert_array_equal(read_image(path), picture)
    assert image_size(path) == (20, 12)


def test_damage_names_the_file(tmp_path, picture):
    good = tmp_path / "good.jpg"
    Image.fromarray(np.tile(picture, (8, 8, 1))).save(good, quality=95)
    truncated = tmp_path / "truncated.jpg"
    truncated.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    text = tmp_path / "text.png"
    text.write_text("version https://git-lfs.github.com/spec/v1")
    empty = tmp_path / "empty.jpg"
    empty.touch()
    for path, expected in (
        (truncated, "damaged image"),
        (text, "something else"),
        (empty, "empty file"),
        (tmp_path / "absent.jpg", "no such image"),
        (tmp_path, "found a folder"),
    ):
        with pytest.raises(DataError, match=expected) as caught:
            read_image(path)
        assert str(path) in str(caught.value)
    assert image_size(truncated) == (160, 96)  # the header is whole
