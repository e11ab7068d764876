"""The deployed detector gives what the network gives, and refuses what it cannot read."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import torch

from facelab import FacelabError
from facelab.checkpoint import save_weights
from facelab.papers.laplace import inference, losses
from facelab.papers.laplace.inference import Detector
from facelab.papers.laplace.model import RCN


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = RCN(channels=4, landmarks=19).eval()
    with torch.no_grad():
        network.output.weight *= 50.0  # peaks, as a trained network has them
    return network


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), np.uint8)


def _skip_without_openvino():
    if importlib.util.find_spec("openvino") is None:  # importing it here would report that
        pytest.skip("OpenVINO is not installed")


def _expected(network, crops, beta=1.0):
    with torch.no_grad():
        maps, points = losses.soft_argmax_plain(network(torch.from_numpy(crops) / 255.0), beta)
    return points.numpy(), losses.scale(maps, points).mean(-1).numpy()


@pytest.mark.parametrize("runtime", ["pytorch", "openvino"])
@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_a_detector_from_a_file_predicts_what_the_network_does(
    network, crops, beta, runtime, tmp_path
):
    if runtime == "openvino":
        _skip_without_openvino()
    weights = save_weights(network, tmp_path / "generator.safetensors")
    detector = Detector(weights, size=32, beta=beta, precision="float32", runtime=runtime)
    points, scale = _expected(network, crops, beta)
    several = detector.predict(crops)
    np.testing.assert_allclose(several.landmarks, points, atol=1e-3)
    np.testing.assert_allclose(several.scale, scale, atol=1e-3)
    one = detector.predict(torch.from_numpy(crops[0]) / 255.0)
    assert one.landmarks.shape == (19, 2)
    np.testing.assert_allclose(one.landmarks, points[0], atol=1e-3)
    assert detector.predict(crops[:0]).landmarks.shape == (0, 19, 2)


def test_bfloat16_stays_close(crops):
    torch.manual_seed(0)
    network = RCN(channels=4, landmarks=19).eval()
    points, _ = _expected(network, crops)
    found = Detector(network, size=32, precision="bfloat16", runtime="pytorch").predict(crops)
    assert found.landmarks.dtype == np.float32
    np.testing.assert_allclose(found.landmarks, points, atol=0.2)


def test_a_detector_leaves_the_network_it_was_made_from_alone(network):
    before = next(network.parameters()).clone()
    Detector(network, size=32, precision="bfloat16", runtime="pytorch")
    assert next(network.parameters()).dtype == torch.float32
    assert torch.equal(next(network.parameters()), before)


def test_exported_to_onnx(network, crops, tmp_path):
    onnx = pytest.importorskip("onnx")
    reference = pytest.importorskip("onnx.reference")
    path = inference.export(Detector(network, size=32), tmp_path / "detector.onnx")
    model = onnx.load(path)
    onnx.checker.check_model(model)
    session = reference.ReferenceEvaluator(model)
    landmarks, scale = session.run(None, {"images": crops[:2].astype(np.float32) / 255.0})
    points, expected = _expected(network, crops[:2])
    np.testing.assert_allclose(landmarks, points, atol=1e-3)
    np.testing.assert_allclose(scale, expected, atol=1e-3)
    with pytest.raises(FacelabError, match="ends in .onnx"):
        inference.export(Detector(network, size=32), tmp_path / "detector.xml")


def test_openvino_is_imported_without_its_telemetry():
    _skip_without_openvino()
    code = (
        "import sys; from facelab.papers.laplace.inference import _import_openvino as load;"
        "load(); print([m for m in sys.modules if m.startswith('openvino_telemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_openvino_pytorch_does_it(network, crops, monkeypatch):
    monkeypatch.setattr(inference.importlib.util, "find_spec", lambda name: None)
    assert Detector(network, size=32).runtime == "pytorch"


def test_bad_input_is_refused(network, tmp_path):
    detector = Detector(network, size=32)
    for wrong in (np.zeros((32, 32, 3), np.uint8), np.zeros((3, 48, 48), np.uint8)):
        with pytest.raises(FacelabError, match="expected a crop"):
            detector.predict(wrong)
    with pytest.raises(FacelabError, match=r"\[0, 1\]"):
        detector.predict(np.full((3, 32, 32), 2.0, np.float32))
    with pytest.raises(FacelabError, match="never nan"):
        detector.predict(np.full((3, 32, 32), np.nan, np.float32))
    with pytest.raises(FacelabError, match="nowhere"):
        Detector(tmp_path / "nowhere.safetensors", size=32)
    other = save_weights(torch.nn.Linear(2, 2), tmp_path / "other.safetensors")
    with pytest.raises(FacelabError, match="not a recombinator"):
        Detector(other, size=32)
    with pytest.raises(FacelabError, match="precision"):
        Detector(network, size=32, precision="float16")
    with pytest.raises(FacelabError, match="runtime"):
        Detector(network, size=32, runtime="tensorflow")


def test_heatmaps_are_those_of_the_generator(tmp_path):
    generator = RCN(channels=4).eval()
    path = tmp_path / "generator.safetensors"
    save_weights(generator, path)
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    maps = inference.heatmaps(path, images, beta=2.0)
    with torch.no_grad():
        expected = losses.soft_argmax_plain(generator(images / 255), 2.0)[0]
    torch.testing.assert_close(maps, expected)
