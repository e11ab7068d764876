"""Which code a name reaches: exactly what it uses, and more only where it cannot be known."""

import ast

import pytest

from facelab import dependencies, provenance
from facelab.dependencies import reached

PACKAGE = {
    "__init__.py": "from shop.tools import twice as double\n",
    "tools.py": """
FACTOR = 2
UNUSED = 3

def twice(x):
    return FACTOR * x

def thrice(x):
    return 3 * x
""",
    "work.py": """
from facelab import paths
from . import tools
from .tools import thrice
import shop

class Base:
    def run(self):
        return tools.twice(1)

class Child(Base):
    pass

def through_package(x):
    return shop.double(x)

def inside(x):
    from shop.tools import UNUSED as value
    return value * x

def dynamic(name):
    return getattr(tools, name)

def outside(x):
    return paths.cache_dir(), dict(x)

def overloaded(x): ...
def overloaded(x):
    return thrice(x)

if FLAG:
    def chosen(x):
        return tools.FACTOR
else:
    def chosen(x):
        return 1
""",
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return folder


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop.tools.thrice", ["tools.thrice"]),
        ("shop.tools.twice", ["tools.FACTOR", "tools.twice"]),
        ("shop.work.Child", ["tools.FACTOR", "tools.twice", "work.Base", "work.Child"]),
        ("shop.work.through_package", ["tools.FACTOR", "tools.twice", "work.through_package"]),
        ("shop.work.inside", ["tools.UNUSED", "work.inside"]),
        ("shop.work.dynamic", ["tools", "work.dynamic"]),
        ("shop.work.outside", ["work.outside"]),
        ("shop.work.overloaded", ["tools.thrice", "work.overloaded"]),
        ("shop.work.chosen", ["tools.FACTOR", "work.chosen"]),
        ("shop.double", ["tools.FACTOR", "tools.twice"]),
        ("shop.tools", ["tools"]),
    ],
)
def test_reached_names(shop, name, expected):
    assert reached(name) == tuple(f"shop.{entry}" for entry in expected)


def test_a_package_stands_for_its_modules(shop):
    assert reached("shop") == ("shop", "shop.tools", "shop.work")


def test_unknown_names_are_refused(shop):
    with pytest.raises(LookupError, match="nothing_there"):
        reached("nothing_there.at_all")


def test_what_only_carries_numbers_counts_where_it_is_asked_for(shop):
    assert reached("facelab.checkpoint") == ("facelab.checkpoint",)
    assert "facelab.checkpoint" not in reached("facelab.experiment.Run")


def test_both_branches_of_a_definition_count(shop):
    assert len(dependencies.definition("shop.work.chosen")) == 2
    assert isinstance(dependencies.definition("shop.work.Base.run")[0], ast.FunctionDef)


def test_fingerprint_follows_what_is_reached(shop):
    names = ["shop.work.Child", "shop.work.inside"]
    before = [provenance.reached_fingerprint(name) for name in names]
    tools = shop / "tools.py"
    tools.write_text(tools.read_text().replace("FACTOR = 2", "FACTOR = 20"))
    after = [provenance.reached_fingerprint(name) for name in names]
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_a_laplace_evaluation_reaches_the_metric_and_not_the_figures():
    found = reached("facelab.papers.laplace.training.evaluate")
    assert "facelab.papers.laplace.losses.soft_argmax" in found
    assert any(name.startswith("facelab.metrics.") for name in found)
    assert not any(name.startswith(("facelab.plots", "facelab.faces")) for name in found)


def test_a_snapshot_asks_once_and_ends(shop):
    tools = shop / "tools.py"
    with dependencies.snapshot():
        before = dependencies.locate("shop.tools.FACTOR")[0]
        tools.write_text(tools.read_text() + "MORE = 1\n")
        assert dependencies.locate("shop.tools.FACTOR")[0] is before
        assert reached("shop.tools.MORE") == ("shop.tools",)  # a block within it belongs to it
    assert reached("shop.tools.MORE") == ("shop.tools.MORE",)
