"""300-W: small copies of the official layout with every variant and damage met in real files."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from facelab import FacelabError
from facelab.data import DataError, DataWarning, w300
from facelab.data.pts import read_pts
from facelab.paths import shared_data


def points(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(10, 80, (68, 2)).round(3)


def write_pts(path, xy, *, header="version: 1\nn_points:  {n}\n{{\n", newline="\n", tail="}\n"):
    text = header.format(n=len(xy)) + "".join(f"{x:.6f} {y:.3f}\n" for x, y in xy) + tail
    path.write_bytes(text.replace("\n", newline).encode())


def write_face(folder, name, seed, *, suffix=".jpg", mode="RGB", format=None, pts=None, **keys):
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (90, 100, 4)).astype(np.uint8)
    image = Image.fromarray(noise) if mode == "RGBA" else Image.fromarray(noise[..., :3])
    image = image.quantize(32) if mode == "P" else image.convert(mode)
    image.save(folder / f"{name}{suffix}", format=format)
    write_pts(folder / f"{pts or name}.pts", points(seed), **keys)


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "300w"
    write_face(root / "afw", "1051618982_1", 0)
    write_face(root / "afw", "1051618982_2", 1, header="version: 1.0\nn_points: {n}\n{{\n")
    write_face(root / "helen/trainset", "100032540_1", 2, newline="\r\n")
    write_face(root / "helen/trainset", "12799337_1", 3, header="version: 1\nnpoints: {n}\n{{\n\n")
    write_face(root / "lfpw/trainset", "image_0001", 4, suffix=".png", mode="P")
    write_face(root / "lfpw/trainset", "image_0002", 5, suffix=".png", mode="RGBA")
    write_face(root / "helen/testset", "30844800_1", 6, suffix=".jpg", format="PNG")
    write_face(root / "lfpw/testset", "image_0003", 7, suffix=".PNG", mode="L")
    write_face(root / "ibug", "image_100 _01", 8, pts="image_100_01")
    write_face(root / "ibug", "image 003_1", 9)
    write_face(root / "Test/01_Indoor", "indoor_001", 10, suffix=".png")
    write_face(root / "Test/02_Outdoor", "outdoor_001", 11, suffix=".png")
    (root / "afw" / "._1051618982_1.jpg").write_bytes(b"\0\5\26\7")
    (root / "afw" / "._1051618982_1.pts").write_bytes(b"\0\5\26\7")
    (root / "afw" / ".DS_Store").touch()
    return tmp_path


@pytest.mark.filterwarnings("ignore::facelab.data.DataWarning")
def test_splits_variants_and_pixels(tree, capsys):
    seeds = {
        "train": [0, 1, 2, 3, 4, 5],
        "common": [6, 7],
        "challenge": [9, 8],
        "full": [6, 7, 9, 8],
        "private": [10, 11],
    }
    for split, expected in seeds.items():
        loaded = w300.load(tree, split, decode=True)
        assert (len(loaded), loaded.found) == (len(expected), len(expected))
        for record, seed in zip(loaded, expected, strict=True):
            np.testing.assert_allclose(record.landmarks, points(seed) - 1, atol=1e-4)
            assert record.load().shape == (90, 100, 3)
            np.testing.assert_array_equal(record.box[2:], record.landmarks.max(axis=0))
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("300-W train: 6 of 6 faces, 0 problems; afw has 2 faces, officially 337")
    assert line.endswith("3 junk files passed over")
    assert len(w300.load(tree / "300w", "challenge", quiet=True)) == 2


def test_official_counts_are_checked(tree, monkeypatch):
    assert [sum(w300.PARTS[part][1] for part in w300.SPLITS[s]) for s in w300.SPLITS] == [
        3148,
        554,
        135,
        689,
        600,
    ]
    with pytest.warns(DataWarning, match="ibug has 2 faces, officially 135"):
        w300.load(tree, "challenge", quiet=True)
    monkeypatch.setitem(w300.PARTS, "ibug", (("ibug",), 2))
    assert w300.load(tree, "challenge", quiet=True).remarks == []


@pytest.mark.filterwarnings("ignore:.*officially:facelab.data.DataWarning")
@pytest.mark.parametrize("folder", ["Bounding Boxes", "Bounding_Boxes"])
def test_boxes_in_both_spellings(tree, folder):
    home = tree / "300w" / folder
    home.mkdir()
    names = ["1051618982_2.jpg", "1051618982_1.jpg", "not_there.jpg"]
    cells = np.empty((1, 3), dtype=object)
    for index, name in enumerate(names):
        cells[0, index] = {
            "imgName": name,
            "bb_detector": np.array([[11.0, 21.0, 31.0, 41.0]]) + index,
            "bb_ground_truth": np.array([[1.0, 2.0, 3.0, 4.0]]) + index,
        }
    savemat(home / "bounding_boxes_afw.mat", {"bounding_boxes": cells})
    cells = np.empty((1, 1), dtype=object)
    cells[0, 0] = {"imgName": "image_100_01.jpg", "bb_ground_truth": np.array([[5.0, 6, 7, 8]])}
    savemat(home / "bounding_boxes_ibug.mat", {"bounding_boxes": cells})
    loaded = w300.load(tree, "train", quiet=True)
    np.testing.assert_array_equal(loaded[0].box, [1, 2, 3, 4])
    np.testing.assert_array_equal(loaded[1].box, [0, 1, 2, 3])
    np.testing.assert_array_equal(loaded[2].box[:2], loaded[2].landmarks.min(axis=0))
    loaded = w300.load(tree, "train", boxes="detector", quiet=True)
    np.testing.assert_array_equal(loaded[0].box, [11, 21, 31, 41])
    with pytest.warns(DataWarning, match="1 faces of ibug have no box"):
        loaded = w300.load(tree, "challenge", quiet=True)
    np.testing.assert_array_equal(loaded[1].box, [4, 5, 6, 7])
    with pytest.raises(FacelabError, match="unknown kind of boxes"):
        w300.load(tree, "train", boxes="tight")
    (home / "bounding_boxes_ibug.mat").write_bytes(b"not matlab")
    with pytest.raises(DataError, match=r"bounding_boxes_ibug\.mat: expected a MATLAB file"):
        w300.load(tree, "challenge")


def drop_points(home):
    (home / "1051618982_2.pts").unlink()
    return home / "1051618982_2.jpg", "expected the landmarks 1051618982_2.pts"


def drop_image(home):
    (home / "1051618982_2.jpg").unlink()
    return home / "1051618982_2.pts", "expected a photograph 1051618982_2.jpg or .png"


def two_images(home):
    write_face(home, "1051618982_2", 1, suffix=".png")
    return home / "1051618982_2.jpg", "expected one photograph and one .pts"


def short_points(home):
    write_pts(home / "1051618982_2.pts", points(1)[:60], header="version: 1\nn_points: 68\n{{\n")
    return home / "1051618982_2.pts", "line 64: expected 68 points, found 60 before '}'"


def cut_points(home):
    path = home / "1051618982_2.pts"
    path.write_text("\n".join(path.read_text().splitlines()[:13]))
    return path, "line 13: expected 68 points, found 10 before the file ends"


def long_points(home):
    write_pts(home / "1051618982_2.pts", np.tile(points(1), (2, 1)), header="n_points: 68\n{{\n")
    return home / "1051618982_2.pts", "expected 68 points, found 136"


def nineteen_points(home):
    write_pts(home / "1051618982_2.pts", points(1)[:19])
    return home / "1051618982_2.pts", "expected 68 points, the file says 19"


def garbled_points(home):
    path = home / "1051618982_2.pts"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:9], "12.5 nan", *lines[10:]]))
    return path, "line 10: expected 'x y' of point 7, found '12.5 nan'"


def no_brace(home):
    write_pts(home / "1051618982_2.pts", points(1), tail="")
    return home / "1051618982_2.pts", "expected '}' after the points"


def empty_points(home):
    (home / "1051618982_2.pts").write_bytes(b"")
    return home / "1051618982_2.pts", "expected a .pts file, found no '{' in 0 lines"


def no_image(home):
    (home / "1051618982_2.jpg").write_text("404 not found")
    return home / "1051618982_2.jpg", "expected an image, found 13 bytes of something else"


def far_points(home):
    write_pts(home / "1051618982_2.pts", points(1) + 500)
    return home / "1051618982_2.pts", "the whole face lies outside the 100x90 photograph"


@pytest.mark.filterwarnings("ignore:.*officially:facelab.data.DataWarning")
@pytest.mark.parametrize(
    "damage",
    [
        drop_points,
        drop_image,
        two_images,
        short_points,
        cut_points,
        long_points,
        nineteen_points,
        garbled_points,
        no_brace,
        empty_points,
        no_image,
        far_points,
    ],
)
def test_damage_is_one_error_or_one_warning(tree, damage):
    path, message = damage(tree / "300w" / "afw")
    with pytest.raises(DataError) as caught:
        w300.load(tree, "train")
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    with pytest.warns(DataWarning, match="left out") as warned:
        loaded = w300.load(tree, "train", strict=False, quiet=True)
    assert [str(path) in str(w.message) for w in warned if "left out" in str(w.message)] == [True]
    assert (len(loaded), loaded.found, len(loaded.problems)) == (5, 6, 1)


@pytest.mark.filterwarnings("ignore:.*officially:facelab.data.DataWarning")
def test_truncated_images_are_found_by_decoding(tree):
    path = tree / "300w" / "afw" / "1051618982_2.jpg"
    path.write_bytes(path.read_bytes()[:2500])
    record = w300.load(tree, "train", quiet=True)[1]
    with pytest.raises(DataError, match=r"1051618982_2\.jpg: damaged image"):
        record.load()
    with pytest.raises(DataError, match=r"1051618982_2\.jpg: damaged image"):
        w300.load(tree, "train", decode=True)


def test_absent_set_says_where_to_get_it(tree, tmp_path, monkeypatch):
    monkeypatch.setenv("FACELAB_300W", str(tmp_path / "nowhere"))
    with pytest.raises(FacelabError, match=r"ibug\.doc\.ic\.ac\.uk") as caught:
        w300.load()
    assert "nowhere" in str(caught.value)
    with pytest.raises(FacelabError, match="unknown split"):
        w300.load(tree, "test")
    (tree / "300w" / "ibug").rename(tree / "elsewhere")
    with pytest.raises(FacelabError, match="has no ibug"):
        w300.load(tree, "challenge")


def test_real_pts_files():
    shared = shared_data()
    files = sorted(shared.glob("samples/trigeorgis__mdm/**/*.pts")) if shared else []
    if not files:
        pytest.skip("the sample .pts files are not here (FACELAB_SHARED)")
    for path in files:
        box = read_pts(path, points=4)
        assert box.shape == (4, 2)
        assert (box[0] == box[1]).any()
        assert (box[2] > box[0]).all()
    np.testing.assert_allclose(read_pts(files[0], points=None)[0], np.float32(_first(files[0])) - 1)
    with pytest.raises(DataError, match="expected 68 points, the file says 4"):
        read_pts(files[0])


def _first(path) -> list[float]:
    return [float(value) for value in path.read_text().splitlines()[3].split()]
