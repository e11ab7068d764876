"""Do the measures that need no truth order edits as the truth does? (notebook section 6.3)"""

import numpy as np

from facelab.papers.ganimation.data import Edits
from facelab.papers.ganimation.tables import Measures, both
from facelab.statistics import Estimate, bootstrap_mean, rank_correlation

PROXIES = {
    "unit error, least first": ("units", -1.0),
    "probability of the emotion": ("logarithm", 1.0),
    "identity similarity": ("identity", 1.0),
    "mean attention": ("attention", 1.0),
}
TRUTHS = {"likeness": ("likeness", 1.0), "share of the way": ("way", 1.0)}


def ordering(values: Measures, edits: Edits) -> dict[tuple[str, str], Estimate]:
    """Does a proxy order the edits of a face as the truth does? By (proxy, truth).

    Rank correlations over the edits of each face at full intensity, then the mean over faces. The
    "share of the way" is 1 - error / error of the input: 1 where the edit is the true picture, 0
    where nothing was gained. Probabilities exist for emotions only.
    """
    whole = both(edits)
    way = 1.0 - values["error", "edit"] / np.maximum(values["error", "input"], 1e-3)
    known = {key: table[:, whole] for (key, of), table in values.items() if of == "edit"}
    known["way"] = way[:, whole]
    found = {}
    for name, (proxy, sign) in PROXIES.items():
        for title, (truth, _) in TRUTHS.items():
            pairs = zip(sign * known[proxy], known[truth], strict=True)
            table = np.stack([orders(*pair) for pair in pairs])  # (S, N)
            table = table[:, np.isfinite(table).all(0)]
            if table.size:
                found[name, title] = bootstrap_mean(table)
    return found


def orders(proxy: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation over the edits of each face: (E, N) twice to (N,).

    nan where fewer than three edits have both, or where one of them does not vary.

    >>> orders(np.array([[1.0], [2.0], [9.0]]), np.array([[0.0], [3.0], [4.0]])).round(6).tolist()
    [1.0]
    """
    found = []
    for a, b in zip(proxy.T, truth.T, strict=True):
        known = np.isfinite(a) & np.isfinite(b)
        flat = known.sum() < 3 or any(np.ptp(values[known]) == 0 for values in (a, b))
        found.append(np.nan if flat else float(rank_correlation(a[known], b[known])))
    return np.array(found)
