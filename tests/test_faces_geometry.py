"""The head, the factors and the landmarks of the synthetic faces, without rendering."""

import importlib

import filelock
import numpy as np
import pytest

from facelab import FacelabError
from facelab.faces import draws, expressions, geometry, landmarks
from facelab.faces import head as heads
from facelab.faces.factors import EMOTIONS, HAIR_STYLES, IDENTITY_FIELDS, Factors
from facelab.faces.people import people
from facelab.faces.render import Faces
from facelab.faces.sample import DIFFICULTIES, PEOPLE_PER_SPLIT, SPLITS, look, sample
from facelab.faces.video import video

datasets = importlib.import_module("facelab.faces.dataset")  # the package's name is the function


@pytest.fixture(scope="module")
def head() -> heads.Head:
    return heads.load()


@pytest.fixture(scope="module")
def mean_face() -> Factors:
    """One face with the mean head's shape, straight and neutral."""
    one = sample(1, difficulty="neutral")
    return one.replace(shape=0, expression=0, pose=0, gaze=0)


def _same(one: Factors, other: Factors) -> bool:
    return all(np.array_equal(array, other.arrays()[k]) for k, array in one.arrays().items())


def test_head_is_centred_mirrored_and_of_human_size(head):
    assert np.abs(head.eye_centres.mean(0)).max() < 1e-3
    assert 5.5 < np.ptp(head.eye_centres[:, 0]) < 7.0  # cm between the pupils
    flipped = head.mean[head.mirror] * np.float32([-1, 1, 1])
    assert np.abs(flipped - head.mean).max() < 0.02
    assert np.array_equal(head.mirror[head.mirror], np.arange(len(head.mean)))
    assert head.triangles.max() == len(head.mean) - 1
    assert np.isfinite(head.identity).all()
    assert head.actions.shape == (52, len(head.mean), 3)
    assert head.action_names == expressions.ACTIONS
    for name, mask in head.masks.items():
        assert mask.min() >= 0, name
        assert 0.9 < mask.max() <= 1, name


def test_every_identity_offset_keeps_the_eyes_at_the_origin(head):
    centres = [head.identity[:, head.eyeball == side].mean(1) for side in (0, 1)]
    assert np.abs(sum(centres) / 2).max() < 2e-3


def test_damaged_head_is_made_again_and_missing_anny_is_named(head, tmp_path, monkeypatch):
    path = tmp_path / f"head-v{heads.HEAD_VERSION}.safetensors"
    path.write_bytes(b"not a head")
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path))
    monkeypatch.setattr("facelab.faces.distil.distil", _without_anny)
    with (
        pytest.warns(UserWarning, match="damaged"),
        pytest.raises(FacelabError, match="package 'anny'"),
    ):
        heads.load.__wrapped__()
    with filelock.FileLock(path.with_suffix(".lock"), timeout=0) as held:
        assert held.is_locked  # the failure has let go of it


def _without_anny():
    raise ModuleNotFoundError("No module named 'anny'", name="anny")


def test_data_sets_are_rendered_once_and_again_when_damaged(tmp_path, monkeypatch):
    calls = []

    def render(factors, *, size, margin, oversample, channels):
        calls.append(len(factors))
        image = np.full((len(factors), 3, size, size), 0.4999, np.float32)
        marks = np.tile(factors.pose[:, None, :2], (1, 68, 1))
        values = dict.fromkeys(Faces.__dataclass_fields__) | {"factors": factors}
        return Faces(**(values | {"image": image, "landmarks": marks}))

    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path))
    monkeypatch.setattr(datasets, "sample", lambda count, **keys: many[:count])
    monkeypatch.setattr(datasets, "render", render)
    many = sample(300, seed=1)
    ask = {"size": 8, "channels": ("image", "landmarks")}
    first = datasets.dataset(300, **ask)
    assert calls == [datasets.STEP, 300 - datasets.STEP]
    second = datasets.dataset(300, **ask)
    assert len(calls) == 2
    assert np.array_equal(first.image, second.image)
    np.testing.assert_allclose(first.image, 127 / 255)
    assert np.array_equal(second.landmarks[:, 5], many.pose[:, :2])
    assert second.depth is None
    datasets.dataset(300, **ask, margin=1.3)
    assert len(calls) == 4
    (path, other) = (tmp_path / "faces").glob("*.safetensors")
    for file in (path, other):
        file.write_bytes(file.read_bytes()[:-100])
    with pytest.warns(UserWarning, match="damaged"):
        again = datasets.dataset(300, **ask)
    assert len(calls) == 6
    assert np.array_equal(again.image, first.image)


def test_blink_closes_the_lids_and_jaw_moves_teeth_and_tongue(head, mean_face):
    blink = mean_face.replace(expression=expressions.actions(eyeBlink=1))
    both = Factors.concatenate([mean_face, blink])
    marks, _ = landmarks.points(head, geometry.face(head, both), both.pose, np.full(2, 1e5))
    opening = marks[:, [37, 38, 43, 44], 1] - marks[:, [41, 40, 47, 46], 1]  # (2, 4)
    assert (opening[0] > 0.7).all()
    assert (opening[1] < 0.15).all()
    jaw = head.actions[head.action_names.index("jawOpen")]
    teeth, tongue = head.masks["teeth"] > 0.5, head.masks["tongue"] > 0.5
    lower = teeth & (jaw[:, 1] < -0.5)
    assert 50 < lower.sum() < teeth.sum()
    assert jaw[tongue, 1].mean() < -1


def test_neutral_lips_of_people_are_closed(head):
    faces = sample(200, difficulty="neutral", seed=4).replace(expression=0, pose=0)
    marks, _ = landmarks.points(
        head, geometry.face(head, faces), faces.pose, np.full(len(faces), 1e5)
    )
    gap = marks[:, 61:64, 1].mean(1) - marks[:, [67, 66, 65], 1].mean(1)  # (N,) cm
    assert np.abs(gap).max() < 0.15


def test_gaze_turns_the_eyeballs_only(head, mean_face):
    turned = mean_face.replace(gaze=(20, 0))
    straight, moved = (geometry.face(head, f)[0] for f in (mean_face, turned))
    ball = head.eyeball == 1
    assert np.array_equal(straight[head.eyeball < 0], moved[head.eyeball < 0])
    radius = [np.linalg.norm(v[ball] - v[ball].mean(0), axis=1) for v in (straight, moved)]
    np.testing.assert_allclose(*radius, atol=1e-4)
    front = straight[ball, 2].argmax()
    assert moved[ball][front, 0] > straight[ball][front, 0] + 0.3  # to the image's right


def test_pose_conventions():
    z, y = np.float32([0, 0, 1]), np.float32([0, 1, 0])
    yaw, pitch, roll = geometry.rotation(np.diag([30.0, 30.0, 30.0]))
    assert (yaw @ z)[0] > 0.4
    assert (pitch @ z)[1] > 0.4
    assert (roll @ y)[0] > 0.4
    np.testing.assert_allclose(np.linalg.det(geometry.rotation([[40, -20, 70]])), 1, atol=1e-6)


def test_landmarks_are_ordered_and_mirror_themselves(head, mean_face):
    at = landmarks.points(head, head.mean[None], mean_face.pose, np.full(1, 1e5))[0][0]
    flipped = at[landmarks.MIRROR] * [-1, 1, 1]
    np.testing.assert_allclose(flipped[17:], at[17:], atol=0.03)
    np.testing.assert_allclose(flipped[:17], at[:17], atol=0.15)
    assert (np.diff(at[:17, 0]) > 0).all()
    assert at[8, 1] == at[:, 1].min()
    assert at[36, 0] < at[39, 0] < at[27, 0] < at[42, 0] < at[45, 0]
    assert (at[17:27, 1] > at[[36, 37, 38, 39, 39, 42, 42, 43, 44, 45], 1]).all()
    assert at[33, 1] > at[51, 1] > at[62, 1] >= at[66, 1] - 0.2 > at[57, 1]


@pytest.mark.parametrize("yaw", [-50, 50])
def test_contour_slides_to_the_silhouette_on_the_far_side(head, mean_face, yaw):
    turned = mean_face.replace(pose=(yaw, 0, 0))
    vertices = geometry.posed(head, geometry.face(head, turned), turned.pose)
    at, slid = landmarks.points(head, vertices, turned.pose, np.full(1, 1e5))
    far, near = (slice(11, 16), slice(1, 6)) if yaw > 0 else (slice(1, 6), slice(11, 16))
    assert slid[0, far].all()
    assert not slid[0, near].any()
    assert not slid[0, 17:].any()
    skin = np.isin(np.arange(len(head.mean)), head.triangles[head.region == 0])
    sign = np.sign(yaw)
    for point in at[0, far]:  # nothing of the face's skin at that height lies farther out
        level = skin & (np.abs(vertices[0, :, 1] - point[1]) < 0.15)
        assert sign * point[0] > (sign * vertices[0, level, 0]).max() - 0.35


def test_facing_tells_front_from_back(head, mean_face):
    for yaw, share in ((0, 1.0), (180, 0.0)):
        vertices = head.mean[None] @ geometry.rotation([[yaw, 0, 0]]).transpose(0, 2, 1)
        seen = landmarks.facing(head, vertices, np.full(1, 100.0))[0]
        assert abs(seen[17:].mean() - share) < 0.15


def test_units_and_emotions():
    happy, surprise = (expressions.expression_of(name) for name in ("happy", "surprise"))
    values = dict(zip(expressions.UNITS, expressions.units(happy[None])[0], strict=True))
    assert values["AU12"] > 0.7
    assert values["AU6"] > 0.6
    assert values["AU4"] == 0
    values = dict(zip(expressions.UNITS, expressions.units(surprise[None])[0], strict=True))
    assert min(values[unit] for unit in ("AU1", "AU2", "AU5", "AU25", "AU26")) > 0.4
    assert not expressions.expression_of("neutral").any()
    assert set(expressions.PROTOTYPES) == set(EMOTIONS)
    one = expressions.actions(jawOpen=0.5, mouthSmileLeft=0.7)
    assert np.array_equal(expressions.mirrored(expressions.mirrored(one)), one)
    with pytest.raises(ValueError, match="no emotion named"):
        expressions.expression_of("joy")
    with pytest.raises(ValueError, match="strength"):
        expressions.expression_of("happy", 1.5)
    with pytest.raises(ValueError, match="no action named"):
        expressions.actions(smile=1)


def test_plausible_expressions_do_not_contradict_themselves():
    wild = np.random.default_rng(0).uniform(0, 1, (500, 52)).astype(np.float32)
    e = dict(zip(expressions.ACTIONS, expressions.plausible(wild).T, strict=True))
    assert (np.minimum(e["jawLeft"], e["jawRight"]) == 0).all()
    assert (e["mouthClose"] <= e["jawOpen"]).all()
    assert (e["tongueOut"][e["jawOpen"] < 0.1] == 0).all()


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_samples_repeat_extend_and_stay_in_range(head, difficulty):
    one = sample(40, seed=3, difficulty=difficulty)
    assert _same(one, sample(40, seed=3, difficulty=difficulty))
    assert _same(one[:15], sample(15, seed=3, difficulty=difficulty))
    assert not _same(one, sample(40, seed=4, difficulty=difficulty))
    assert one.expression.min() >= 0
    assert one.expression.max() <= 1
    np.testing.assert_allclose(one.shape[:, :36].sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(one.ancestry.sum(1), 1, atol=1e-5)
    limit = np.array(DIFFICULTIES[difficulty].limit)
    assert (np.abs(one.pose) <= limit + 1e-4).all()
    for name in ("skin", "spots", "stubble", "brows", "iris", "hair_colour", "makeup"):
        array = getattr(one, name)
        assert array.min() >= 0, name
        assert array.max() <= 1, name
    assert one.hair_style.min() >= 0
    assert one.hair_style.max() < len(HAIR_STYLES)


def test_identity_is_a_function_of_the_person(head):
    a = sample(30, seed=1, people=5, difficulty="train")
    b = sample(5, seed=9, people=list(a.identity[:5]), difficulty="challenge")
    for name in IDENTITY_FIELDS:
        assert np.array_equal(getattr(a, name)[:5], getattr(b, name)), name
        assert np.array_equal(getattr(a, name)[:5], getattr(a, name)[5:10]), name
    assert np.array_equal(people(head, a.identity[3:4])["shape"].astype(np.float32), a.shape[3:4])


def test_splits_share_no_person():
    seen = {split: set(sample(2000, seed=2, split=split).identity) for split in SPLITS}
    assert all(len(persons) == 2000 for persons in seen.values())
    for split, number in SPLITS.items():
        assert {p // PEOPLE_PER_SPLIT for p in seen[split]} == {number}
    with pytest.raises(ValueError, match="people of split"):
        sample(3, split="test", people=[5])


def test_marginals_are_natural():
    many = sample(4000, seed=8)
    assert abs((many.gender > 0.5).mean() - 0.5) < 0.03
    assert np.abs(many.ancestry.mean(0) - 1 / 3).max() < 0.03
    women = many.gender < 0.5
    assert many.stubble[women, 0].max() == 0
    assert many.stubble[~women, 0].mean() > 0.15
    assert many.makeup[women, :, 3].mean() > 5 * many.makeup[~women, :, 3].mean()
    old = many.age > 65
    spread = np.ptp(many.hair_colour, axis=1)
    assert spread[old].mean() < 0.6 * spread[(many.age < 40) & (many.ancestry[:, 2] > 0.8)].mean()


def test_factors_refuse_what_does_not_fit(mean_face):
    three = sample(3)
    assert len(three[1]) == 1
    assert len(list(three)) == 3
    assert len(three.repeat(4)) == 12
    assert three.replace(pose=(1, 2, 3)).pose[2].tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="no factor named"):
        three.replace(yaw=3)
    with pytest.raises(ValueError, match="broadcast"):
        three.replace(pose=np.zeros((2, 3)))
    with pytest.raises(ValueError, match="not finite"):
        three.replace(light=np.nan)
    with pytest.raises(TypeError, match="integers"):
        three.replace(emotion=0.5)
    with pytest.raises(ValueError, match="unknown difficulty"):
        sample(3, difficulty="hard")
    swapped = three.with_person(mean_face)
    assert (swapped.identity == mean_face.identity).all()
    assert np.array_equal(swapped.pose, three.pose)


def test_draws_are_uniform_normal_and_independent_of_the_batch():
    stream = draws.key("test", 1)
    u = draws.uniform(stream, np.arange(20000), 4)
    np.testing.assert_allclose(u.mean(0), 0.5, atol=0.01)
    np.testing.assert_allclose(np.cov(u.T), np.eye(4) / 12, atol=0.003)
    assert np.array_equal(u[100:110], draws.uniform(stream, np.arange(100, 110), 4))
    n = draws.normal(stream, np.arange(20000), 3, limit=9)
    np.testing.assert_allclose([n.mean(), n.std()], [0, 1], atol=0.02)
    shares = np.bincount(draws.choose(u[:, 0], np.array([1.0, 0, 3])), minlength=3) / len(u)
    np.testing.assert_allclose(shares, [0.25, 0, 0.75], atol=0.02)


def test_lids_follow_the_gaze():
    up, down = look(np.zeros((2, 52)), np.array([[0, 10], [0, -12]]))
    at = expressions.ACTIONS.index
    assert up[at("eyeLookUpLeft")] > 0.5
    assert up[at("eyeLookDownLeft")] == 0
    assert down[at("eyeLookDownRight")] > 0.5
    assert down[at("eyeLookUpRight")] == 0


def test_videos_are_smooth_and_keep_the_person():
    tracks, frames = 3, 60
    track = video(tracks, frames, seed=5)
    assert len(track) == tracks * frames
    first = track[:frames]
    assert len(set(track.identity)) == tracks
    assert (first.identity == first.identity[0]).all()
    for name, largest in {"pose": 4.0, "light": 6.0}.items():
        speed = np.diff(getattr(track, name).reshape(tracks, frames, -1), axis=1)
        assert 0 < np.abs(speed).max() < largest, name
        jerk = np.diff(speed, 2, axis=1)
        assert np.abs(jerk).max() < 0.15 * np.abs(speed).max() + 0.05, name
    assert _same(video(2, 30, seed=5)[30:], track[frames : frames + 30])
    for name in ("background", "noise", "makeup", "occluder", "clothing"):
        assert (getattr(first, name) == getattr(first, name)[0]).all(), name
