"""Photographs and any translator: what judges say of edits, with and without one of units."""

import numpy as np
import pytest
import torch

from facelab.data import crops
from facelab.data.records import Record
from facelab.gan import wild


class _Photo(Record):
    def load(self):
        shade = 60 * (1 + (self.expression == "happy"))
        return np.full((60, 50, 3), shade, np.uint8)


def _record(person, expression):
    return _Photo(
        path=None, landmarks=np.full((68, 2), np.nan, np.float32), visible=np.zeros(68, bool),
        box=np.array([10, 10, 40, 45], np.float32), identity=person, expression=expression,
    )  # fmt: skip


RECORDS = [_record("1", "neutral"), _record("2", "neutral")]
CROP = {"size": 16, "margin": 1.15}


def _brighter(images):
    return images + 0.1


def test_every_edit_of_a_photograph_is_pasted_back():
    lines = wild.portraits(lambda image: _brighter(image).expand(3, -1, -1, -1), RECORDS, **CROP)
    assert [len(line) for line in lines] == [4, 4]
    photo, edited = lines[0][0].astype(int), lines[0][3].astype(int)
    assert abs(edited[27, 25] - photo[27, 25] - 25.5).max() < 1
    np.testing.assert_array_equal(edited[0], photo[0])  # outside the crop


def test_a_smile_put_on_is_measured_beside_the_true_one():
    readers = {
        "expression": lambda images: torch.zeros(len(images), 8),
        "identity": lambda images: images.mean((2, 3)),
    }
    asked = [_brighter, RECORDS, [_record("2", "happy")]]
    cells = wild.smiles(*asked, readers, **CROP)
    assert {measure for _, measure in cells} == {"happy", "identity"}
    assert cells["its edit", "happy"].value == pytest.approx(12.5)
    readers["units"] = lambda images: images.mean((2, 3))[:, :1].expand(-1, 17)
    strength = {k: v.value for (k, name), v in wild.smiles(*asked, readers, **CROP).items()
                if name == "AU12"}  # fmt: skip
    before = 6000 / 255
    assert strength["neutral photograph"] == pytest.approx(before, abs=0.1)
    assert strength["its edit"] == pytest.approx(before + 10, abs=0.1)
    assert strength["smiling photograph"] == pytest.approx(2 * before, abs=0.1)
    with pytest.raises(ValueError, match="got nobody"):
        wild.smiles(_brighter, RECORDS, [_record("3", "happy")], readers, **CROP)


def test_a_pasted_change_lies_where_the_crop_was():
    photo = np.full((40, 50, 3), 100, np.uint8)
    before, after = torch.zeros(3, 8, 8), torch.zeros(3, 8, 8)
    after[:, 2, 5] = 0.2
    transform = crops.Transform(left=9.5, top=3.5, scale=0.5)  # a crop pixel is 2 x 2 of the photo
    found = wild.paste(photo, before, after, transform)
    changed = np.argwhere(found[..., 0] != 100)
    np.testing.assert_allclose(changed.mean(axis=0), [4 + 2 * 2 + 0.5, 10 + 2 * 5 + 0.5])
    np.testing.assert_array_equal(wild.paste(photo, before, before, transform), photo)
    with pytest.raises(ValueError, match=r"\(3, 8, 4\)"):
        wild.paste(photo, before, after[:, :, :4], transform)
