"""Folders, and files that appear whole or not at all."""

from pathlib import Path

import pytest

from facelab import FacelabError, paths


def test_the_checkout_is_found_from_any_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Path(__file__).is_relative_to(paths.repo_root())
    assert (paths.repo_root() / "Makefile").is_file()


def test_cache_folder_follows_the_environment_and_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path / "deep" / "cache"))
    assert paths.cache_dir() == (tmp_path / "deep" / "cache").resolve()
    assert list(paths.cache_dir().iterdir()) == []  # its probe is gone again


def test_cache_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(FacelabError, match="file/cache cannot be written.*FACELAB_CACHE"):
        paths.cache_dir()


def test_result_folders_refuse_unknown_tiers_and_odd_names(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "repo_root", lambda: tmp_path)
    assert paths.results_dir("smoke", "laplace") == tmp_path / "results" / "smoke" / "laplace"
    assert paths.figures_dir("gpu", "faces").is_dir()
    with pytest.raises(FacelabError, match="unknown tier 'desktop'.*laptop"):
        paths.results_dir("desktop", "laplace")
    with pytest.raises(FacelabError, match="no name of a folder"):
        paths.figures_dir("smoke", "../laplace")


def test_shared_data_is_named_found_or_absent(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "repo_root", lambda: tmp_path / "checkout")
    monkeypatch.delenv("FACELAB_SHARED", raising=False)
    assert paths.shared_data() is None
    (tmp_path / "shared" / "data").mkdir(parents=True)
    assert paths.shared_data() == tmp_path / "shared" / "data"
    monkeypatch.setenv("FACELAB_SHARED", str(tmp_path))
    assert paths.shared_data() == tmp_path.resolve()
    monkeypatch.setenv("FACELAB_SHARED", str(tmp_path / "absent"))
    with pytest.raises(FacelabError, match=r"absent, which is not a folder"):
        paths.shared_data()


def test_atomic_write_replaces_whole_files_only(tmp_path):
    target = tmp_path / "new" / "table.csv"
    with paths.atomic_write(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".csv"
        temporary.write_text("one")
        assert not target.exists()
    assert target.read_text() == "one"
    with pytest.raises(ZeroDivisionError), paths.atomic_write(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "one"
    with pytest.raises(FileNotFoundError, match="nothing was written"), paths.atomic_write(target):
        pass
    assert [file.name for file in target.parent.iterdir()] == ["table.csv"]
