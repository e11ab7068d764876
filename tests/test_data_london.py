"""The London set: good and damaged small copies of its layout, its map to iBUG-68, and itself."""

import numpy as np
import pytest
from PIL import Image

from facelab import FacelabError
from facelab.data import DataError, DataWarning, london, london_map
from facelab.data.adaptation import MIRROR
from facelab.data.london_smile import shift_of_face
from facelab.paths import shared_data

PEOPLE = ("001", "004", "123")


def template_points(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(30, 170, (189, 2)).astype(np.float32)


def write_template(path, points, newline="\n") -> None:
    lines = [f"{len(points)}", *(f"{x}\t{y}" for x, y in points), "1", "0", "2", "0 0"]
    path.write_bytes(newline.join([*lines, ""]).encode())


@pytest.fixture
def tree(tmp_path):
    """A set of three people: pictures of noise, random templates, one of them with CRLF."""
    for part, suffix in (("neutral_front", "_03"), ("smiling_front", "_08")):
        (tmp_path / part).mkdir()
        for index, person in enumerate(PEOPLE):
            noise = np.random.default_rng(index).integers(0, 256, (200, 200, 3)).astype(np.uint8)
            Image.fromarray(noise).save(tmp_path / part / f"{person}{suffix}.jpg")
            if part == "neutral_front":
                template = tmp_path / part / f"{person}{suffix}.tem"
                write_template(template, template_points(index), "\r\n" if index else "\n")
    (tmp_path / "neutral_front" / "._001_03.jpg").write_bytes(b"\0\5\26\7")
    (tmp_path / "neutral_front" / "._001_03.tem").write_bytes(b"\0\5\26\7")
    return tmp_path


def test_good_tree(tree, capsys):
    loaded = london.load(tree)
    assert capsys.readouterr().out == "london neutral_front: 3 of 3 people, 0 problems\n"
    assert loaded.identities == list(PEOPLE)
    record = loaded[1]
    points = template_points(1)
    np.testing.assert_array_equal(record.landmarks, london_map.ibug68(points))
    np.testing.assert_array_equal(record.landmarks[[8, 36, 45]], points[[129, 18, 27]])
    np.testing.assert_array_equal(record.box[:2], record.landmarks.min(axis=0))
    assert record.visible.all()
    assert record.expression == "neutral"
    assert record.load().shape == (200, 200, 3)
    assert loaded.landmarks.shape == (3, 68, 2)
    assert len(loaded[:2]) == 2


def test_smiling_faces_have_no_landmarks_but_a_box(tree, capsys):
    loaded = london.load(tree, part="smiling_front")
    assert "3 of 3 people, 0 problems; no templates" in capsys.readouterr().out
    assert np.isnan(loaded.landmarks).all()
    assert not loaded.visible.any()
    neutral = london.load(tree, quiet=True)
    for smile, still in zip(loaded, neutral, strict=True):  # the same noise: nothing has moved
        np.testing.assert_allclose(smile.box, still.box)
    (tree / "neutral_front" / "004_03.tem").unlink()
    with pytest.warns(DataWarning, match="1 without a neutral photograph"):
        loaded = london.load(tree, part="smiling_front", quiet=True)
    assert np.isnan(loaded[1].box).all()


def break_image(tree):
    path = tree / "neutral_front" / "004_03.jpg"
    path.write_bytes(path.read_bytes()[:3000])
    return path, "damaged image"


def drop_image(tree):
    (tree / "neutral_front" / "004_03.jpg").unlink()
    return tree / "neutral_front" / "004_03.tem", "expected the photograph 004_03.jpg"


def drop_template(tree):
    (tree / "neutral_front" / "004_03.tem").unlink()
    return tree / "neutral_front" / "004_03.jpg", "expected the template 004_03.tem"


def shorten_template(tree):
    path = tree / "neutral_front" / "004_03.tem"
    path.write_text("\n".join(path.read_text().splitlines()[:100]))
    return path, "line 101: expected 189 points, found 99: the file ends"


def garble_template(tree):
    path = tree / "neutral_front" / "004_03.tem"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:41], "12,5", *lines[42:]]))
    return path, "line 42: expected 'x y' of point 40, found '12,5'"


def other_template(tree):
    path = tree / "neutral_front" / "004_03.tem"
    write_template(path, template_points()[:106])
    return path, "expected a template of 189 points, found 106"


def no_count(tree):
    path = tree / "neutral_front" / "004_03.tem"
    path.write_text("points\n1 2\n")
    return path, "line 1: expected the number of points, found 'points'"


def far_points(tree):
    path = tree / "neutral_front" / "004_03.tem"
    write_template(path, template_points() * 10)
    return path, "lie outside the 200x200 photograph"


@pytest.mark.parametrize(
    "damage",
    [
        break_image,
        drop_image,
        drop_template,
        shorten_template,
        garble_template,
        other_template,
        no_count,
        far_points,
    ],
)
def test_damage_is_one_error_or_one_warning(tree, capsys, damage):
    path, message = damage(tree)
    with pytest.raises(DataError) as caught:
        london.load(tree)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    with pytest.warns(DataWarning) as warned:
        loaded = london.load(tree, strict=False)
    assert len(warned) == 1
    assert str(path) in str(warned[0].message)
    assert loaded.identities == ["001", "123"]
    assert loaded.found == 3
    assert [problem.path for problem in loaded.problems] == [path]
    assert capsys.readouterr().out == "london neutral_front: 2 of 3 people, 1 problem\n"


def test_absent_set_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("FACELAB_LONDON", str(tmp_path / "nowhere"))
    with pytest.raises(FacelabError, match=r"10\.6084/m9\.figshare\.5047666") as caught:
        london.load()
    assert "CC BY 4.0" in str(caught.value)
    assert "nowhere" in str(caught.value)
    with pytest.raises(FacelabError, match="unknown part"):
        london.load(tmp_path, part="profile")
    (tmp_path / "neutral_front").mkdir()
    with pytest.raises(FacelabError, match="holds no"):
        london.load(tmp_path)


def test_people_with_blanks(tree):
    table = tree / "london_info.csv"
    table.write_text(
        "face_id,face_age,face_gender,face_eth\n001,24,female,white\n"
        "X004,NA,male,\n123,22.5,,east_asian\n"
    )
    people = london.people(tree)
    assert people["001"] == {"age": 24.0, "gender": "female", "ethnicity": "white"}
    assert people["004"] == {"age": None, "gender": "male", "ethnicity": None}
    assert people["123"]["age"] == 22.5
    assert people["123"]["gender"] is None
    table.write_text("face_id,face_age,face_gender,face_eth\n001,old,female,white\n")
    with pytest.raises(DataError, match="line 2: expected an age, found 'old'"):
        london.people(tree)


def test_map_covers_each_landmark_once():
    rows = london_map.table()
    assert [row["landmark"] for row in rows] == list(range(68))
    assert {row["quality"] for row in rows} == set(london_map.QUALITIES)
    assert london_map.shared().sum() == 52
    assert not london_map.shared()[:8].any()
    assert london_map.shared("contour").sum() == 16
    qualities = np.array([row["quality"] for row in rows])
    assert (qualities == qualities[MIRROR]).all()
    with pytest.raises(ValueError, match="unknown quality"):
        london_map.shared("good")


def test_map_moves_with_the_face():
    points = template_points(4).astype(np.float64)
    turn = 1.7 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    moved = london_map.ibug68(points @ turn.T + [40, -10])
    np.testing.assert_allclose(moved, london_map.ibug68(points) @ turn.T + [40, -10], atol=1e-2)


def test_shift_of_a_face_is_found():
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    image = np.asarray(Image.fromarray(noise).resize((360, 360)))
    landmarks = np.random.default_rng(1).uniform(120, 220, (68, 2))
    shift, correlation = shift_of_face(image, landmarks, np.roll(image, (18, -30), axis=(0, 1)))
    np.testing.assert_array_equal(shift, [-30, 18])
    assert correlation > 0.99


@pytest.fixture(scope="module")
def real() -> london.Loaded:
    shared = shared_data()
    if shared is None or not (shared / "london").is_dir():
        pytest.skip("the London photographs are not here (FACELAB_SHARED)")
    return london.load(shared / "london", quiet=True)


def test_real_set_is_whole_and_symmetric(real):
    assert (len(real), real.found, len(real.problems)) == (68, 68, 0)
    landmarks = real.landmarks.astype(np.float64)
    middle = landmarks[:, [36, 45]].mean(axis=1, keepdims=True)
    x = landmarks[:, 45] - landmarks[:, 36]
    size = np.linalg.norm(x, axis=1)
    x /= size[:, None]
    turn = np.stack([x, np.stack([-x[:, 1], x[:, 0]], axis=1)], axis=1)  # (N, 2, 2)
    mean = (np.einsum("nij,nkj->nki", turn, landmarks - middle) / size[:, None, None]).mean(axis=0)
    # The mean face is its own mirror image within 3.5 % of the outer-eye distance (1 % on average):
    # no point is mapped to the wrong side or to a neighbour.
    asymmetry = np.linalg.norm(mean - mean[MIRROR] * [-1, 1], axis=1)
    assert asymmetry.max() < 0.035
    assert asymmetry.mean() < 0.012
    order = [mean[i, 1] for i in (19, 37, 41, 30, 33, 51, 57, 8)]
    assert order == sorted(order)  # brow, lids, nose, lips, chin, downwards
    steps = np.linalg.norm(np.diff(landmarks[:, :9], axis=1), axis=2)
    assert (steps.std(axis=1) / steps.mean(axis=1) < 0.05).all()  # equal steps along the jaw
    people = london.people(real[0].path.parents[1])
    assert {record.identity for record in real} <= set(people)
