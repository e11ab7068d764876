"""The machine-independent rows of Table 3's lower half, and that speeds are speeds."""

import pytest

from facelab.papers.laplace import speed


def test_table_3_has_all_rows_at_all_widths():
    cells = speed.table_3(size=32, seconds=0.01)
    assert cells["Parameters", "1"] == pytest.approx(1.872428)
    assert cells["Parameters", "1/16"] == pytest.approx(0.017408)
    # Four bytes a parameter and a header of names and shapes.
    assert cells["Storage", "1"] == pytest.approx(4 * 1.872428, rel=0.01)
    rates = [value for (row, _), value in cells.items() if row.startswith("Speed")]
    assert len(rates) == 10
    assert min(rates) > 0
