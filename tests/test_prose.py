"""No result is typed into prose: not in a notebook, a caption or the README."""

import pytest

from facelab import paths, prose, runner

ROOT = paths.repo_root()

RESULTS = [
    "LaplaceKL reaches 4.01.",
    "The error falls to 4.",
    "Softargmax errs by 5.7 % of the eye distance.",
    "It is 6 percent better on hard faces.",
    "It is 6\nper cent better.",
    "The gap shrinks by 3 percentage points.",
    "The detector runs at 120 fps.",
    "At 1,580 frames per second it is fast enough.",
    "It renders 470 faces a second on two threads.",
    "About 1,200 faces/s on a laptop.",
    "Training takes 14 minutes.",
    "Between 10 and 14 minutes from empty caches.",
    "One picture takes 8 ms.",
    "It needs 3.7 GB.",
    "It holds 900 MB at most.",
    "The heatmaps are 2 times as wide.",
    "Ours is 24x faster than the paper's laptop.",
    "It is four times faster.",
    "A ten-fold gain.",
    "Six percent of the points are lost.",
    "The spread is 3 px.",
    "Predictions scatter over 6 pixels.",
    "The mean error of the yaw is 5 degrees.",
    "We reproduce 9 of 14.",
    "Of 14 readings two hold.",
    "All 12 claims are settled.",
    "An accuracy of 90 is reached by all.",
    "FID drops to 35.",
    "The network has 17,408 parameters.",
    "The abstract says 0.0398M, Table 3 0.0389M.",
    "| LaplaceKL | 4.01 |",
    "> The paper reports 3.91 with unlabelled faces.",
    "The divergence rises by 2 nats.",
    "Softargmax needs 2.5e3 steps to get there.",
    "The relative drop is 47/79 % at the smallest width.",
    "## 5. An error of 4.01",
    "The failure rate of 0.08 is low.",
]

NO_RESULTS = [
    "A face has 68 landmarks, the network 64 channels.",
    "Pictures of 80 x 80 pixels, or 80 × 80 × 3.",
    "It halves 80 x 80 pixels to 5 x 5 with 5 x 5 convolutions.",
    "See section 4.2, Table 2, Fig. 4 and Eq. 4-7.",
    "Sections 2.3 and 4.1 say why; so do exercises 1 and 2.",
    "See chapter 13 of Efron and Tibshirani (1993), p. 170.",
    "Robinson et al. (2019), ICCV 2019, arXiv 1903.11633.",
    "## 2.1 The head\n\n### 2.2 The rest",
    "1. First.\n2. Second.\n10. Tenth.",
    "2. **Learning rate** (3.4): constant 0.001 for 200 epochs.",
    "**The closed form** (3.1, 3.2) is not printed.",
    "No normalisation, dropout of 0.2, leaky ReLUs with slope 0.2.",
    "Crops have a margin of 1.3, the jitter is 5 %.",
    "A learning rate of 1e-3 with momentum 0.9.",
    r"With $\lambda = 0.001$ and $$\beta = 4.01 \%$$ it is stable.",
    "`dropout=0.2` and ``4.01 %``.",
    "```python\nerror = 4.01\n```",
    "Text.\n\n    error = 4.01 %\n\nMore.",
    "[Python](https://docs.python.org/3.11/) 3 is fine; so is torch 2.13.0.",
    "Python 3.11, 3.12 or 3.13 with CUDA 12.8; CC BY 4.0.",
    "300-W, DigiFace-1M, a 64-pixel crop, a 4-core machine.",
    "Differences have 95 % bootstrap intervals.",
    "With 95 % confidence.",
    "At 1/8 and 1/16 of the width.",
    "People are 18 to 80 years old; the split has 2000 people.",
    "The true point lies 2 pixels beside the mean of the map.",
    "The head is turned by 20, 40 and 60 degrees.",
    "Photograph one face from 30 cm and from 3 m.",
    "The 52 actions give 17 units and 8 emotions.",
    "One of the 8 papers; the first of 14.",
    "A pair of 2 networks plays the game; 3 seeds a row.",
    "Written on 2019-05-10, corrected on 3 June 2020.",
    "<!-- begin: speed -->\n| 1 | 4.01 fps |\n<!-- end: speed -->",
    "doi:10.6084/m9.figshare.5047666 and CC BY 4.0",
    "Both have 19 points, made from our 68.",
    "It is repeated 3 times.",
    "Adam at a constant rate of 0.001, on a 2.8 GHz Core i7.",
]


@pytest.mark.parametrize("text", RESULTS)
def test_numerals_that_claim_results_are_found(text):
    assert prose.numerals(text)


@pytest.mark.parametrize("text", NO_RESULTS)
def test_other_numerals_are_left_alone(text):
    assert prose.numerals(text) == []


@pytest.mark.parametrize("source", runner.find(), ids=lambda path: path.stem)
def test_no_notebook_has_a_result_typed_into_its_prose(source):
    found = prose.check_notebook(source)
    assert not found, "\n".join(map(str, found))


def test_the_readme_has_no_result_typed_into_its_prose():
    found = prose.check_page(ROOT / "README.md")
    assert not found, "\n".join(map(str, found))


NOTEBOOK = """# %%
labbook.opening({{"title": "One", "objectives": ["beat 4.01"]}})

# %% [markdown]
# ## 1. Errors
#
# {markdown}

# %%
{code}
"""


@pytest.fixture
def findings(tmp_path):
    def check(markdown="Nothing.", code="pass"):
        file = tmp_path / "10_toy.py"
        text = NOTEBOOK.format(markdown=markdown, code=code)
        file.write_text(text, encoding="utf-8")
        found = prose.check_notebook(file)
        assert "4.01" in found[0].what
        assert found[0].line == 2
        return [(finding.line, str(finding)) for finding in found[1:]]

    return check


def test_a_finding_names_file_cell_line_numeral_and_the_remedy(findings):
    ((line, text),) = findings("The error is low: 5.7 % on all faces.")
    assert line == 7
    assert text.startswith("10_toy.py:7, cell 1: '5.7' has a unit of results")
    assert "published/*.csv" in text


@pytest.mark.parametrize(
    "code",
    [
        'book.figure("a", f, alt="A line.", caption="The error is "\n    "5.7 %.", data=d)',
        'book.table("a", f, caption=f"Error {x:.2f},"\n    " spread 5.7")',
        'caption = (f"{x} and "\n    "5.7 %")',
        'texts = {"data": d,\n    "alt": "It is 5.7 px wide."}',
        'display(Markdown(f"{x:.1f} % against "\n    f"5.7 of the paper"))',
    ],
)
def test_captions_alt_texts_and_rendered_texts_count(findings, code):
    ((line, text),) = findings(code=code)
    assert line == 11
    assert "'5.7'" in text


@pytest.mark.parametrize(
    "code",
    [
        'book.figure("a", f, alt="A.", caption=f"Error {x:.2f} %, n = {n}", data=[4.01])',
        'print("expect 4.01 to 5 %")',
        "x = 4.01",
        '%matplotlib inline\nbook.table("a", f, caption=f"{100 * x:.2f} percent")',
    ],
)
def test_computed_texts_and_other_code_are_left_alone(findings, code):
    assert findings(code=code) == []


def test_a_numeral_may_be_given_with_a_reason(findings):
    text = "Videos have 25 frames a second.\n# <!-- given: 25; the rate that we chose -->"
    assert findings(text) == []
    caption = 'book.table("a", f, caption="At 25 fps.")'
    assert findings(code=f"{caption}  \n# given: 25; the rate that we chose") == []
    assert len(findings(f"{text} It errs by 5.7 %.")) == 1


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("given: 25", "expected `given: 25, 0.35; the reason`"),
        ("given: 25;", "expected `given: 25, 0.35; the reason`"),
        ("given: 25, 30; the rate", "names 30, which is not typed here"),
    ],
)
def test_an_excuse_needs_a_reason_and_something_to_excuse(findings, comment, message):
    ((_, text),) = findings(f"Videos have 25 frames a second.\n# <!-- {comment} -->")
    assert message in text


def test_a_page_is_checked_section_by_section(tmp_path):
    page = tmp_path / "PAGE.md"
    page.write_text("# A\n\nIt takes 60 s.\n<!-- given: 60; an aim -->\n\n## B\n\nIt took 60 s.\n")
    (finding,) = prose.check_page(page)
    assert str(finding).startswith("PAGE.md:8, section 'B': '60'")
