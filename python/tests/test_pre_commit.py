"""The hooks, run by pre-commit in a repository of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

lance = pytest.importorskip("lance")
pytest.importorskip("pre_commit")

ROOT = Path(__file__).resolve().parents[2]
WHEEL = os.environ.get("LANCE_LINT_WHEEL")
CLEAN = ROOT / "testdata" / "clean" / "blob-v1-no-nulls-2.0"
DAFT_BLOB = ROOT / "testdata" / "daft-blob.lance"
FOUR_FILES = ROOT / "testdata" / "clean" / "blob-plain-compacted-2.0"

needs_wheel = pytest.mark.skipif(WHEEL is None, reason="LANCE_LINT_WHEEL names no wheel")


def hook(name: str) -> "dict[str, object]":
    """An entry of .pre-commit-hooks.yaml."""
    import yaml

    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    [entry] = [entry for entry in hooks if entry["id"] == name]
    return dict(entry)


class Repository:
    """A git repository whose commits go through pre-commit."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.environment = {
            **os.environ,
            "PRE_COMMIT_HOME": str(home),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@example.org",
        }

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def git(self, *arguments: str) -> str:
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def use(self, repos: object) -> None:
        """Starts the repository, with these repos of hooks."""
        import yaml

        self.git("init", "--quiet", "--initial-branch=main")
        (self.root / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": repos}))
        self.git("add", ".pre-commit-config.yaml")
        self.git("commit", "--quiet", "--message=start")
        done = self.run(sys.executable, "-m", "pre_commit", "install", "--install-hooks")
        assert done.returncode == 0, done.stdout

    def commit(self) -> "tuple[bool, str]":
        """Whether everything could be committed, and what was said."""
        self.git("add", "--all")
        return self.commit_staged()

    def commit_staged(self) -> "tuple[bool, str]":
        done = self.run("git", "commit", "--message=change")
        return done.returncode == 0, done.stdout

    def put(self, dataset: Path, name: str) -> Path:
        place = self.root / name
        shutil.copytree(dataset, place)
        return place


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps its environments."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def repository(home: Path, tmp_path: Path) -> Repository:
    """One with the hook that takes the wheel."""
    repository = Repository(tmp_path, home)
    local = {**hook("lance-lint"), "additional_dependencies": [WHEEL]}
    repository.use([{"repo": "local", "hooks": [local]}])
    return repository


def fix(dataset: Path) -> None:
    """Takes the blob key away, by the code that the finding prints."""
    opened = lance.dataset(str(dataset))
    if hasattr(opened, "update_field_metadata"):
        opened.update_field_metadata({"blob": {}}, replace=True)
    else:
        opened.replace_field_metadata("blob", {})


def fails_and_is_mended(repository: Repository) -> None:
    repository.put(CLEAN, "clean.lance")
    dataset = repository.put(DAFT_BLOB, "data/images.lance")
    committed, said = repository.commit()
    assert not committed
    assert "error[blob-stored-plain]: column `blob` is declared a blob" in said
    # Manifest, transaction and data file of one dataset are one check.
    assert said.count("error[") == 1
    fix(dataset)
    committed, said = repository.commit()
    assert committed, said


@needs_wheel
def test_a_commit_fails_until_the_dataset_is_mended(repository: Repository) -> None:
    fails_and_is_mended(repository)


@needs_wheel
def test_the_run_of_ci_checks_all_files(repository: Repository) -> None:
    repository.put(DAFT_BLOB, "images.lance")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--no-verify", "--message=unchecked")
    done = repository.run(sys.executable, "-m", "pre_commit", "run", "--all-files")
    assert done.returncode == 1
    assert "error[blob-stored-plain]" in done.stdout


@needs_wheel
def test_other_files_are_none_of_its_business(repository: Repository) -> None:
    (repository.root / "notes.txt").write_text("hello\n")
    committed, said = repository.commit()
    assert committed, said
    (repository.root / "notes.txt").unlink()
    committed, said = repository.commit()
    assert committed, said


@needs_wheel
@pytest.mark.parametrize("name", ["my own data/the images.lance", "données/[画像] *.lance"])
def test_paths_of_all_sorts(repository: Repository, name: str) -> None:
    dataset = repository.put(CLEAN, name)
    committed, said = repository.commit()
    assert committed, said
    for file in (dataset / "data").iterdir():
        file.unlink()
    committed, said = repository.commit()
    assert not committed
    assert "data-file-missing" in said


@needs_wheel
def test_a_dataset_that_lost_its_manifests(repository: Repository) -> None:
    dataset = repository.put(CLEAN, "images.lance")
    assert repository.commit()[0]
    shutil.rmtree(dataset / "_versions")
    committed, said = repository.commit()
    assert not committed
    assert "error[manifest-unreadable]" in said


@needs_wheel
def test_a_dataset_that_is_moved_or_removed(repository: Repository) -> None:
    repository.put(CLEAN, "images.lance")
    assert repository.commit()[0]
    repository.git("mv", "images.lance", "pictures.lance")
    committed, said = repository.commit()
    assert committed, said
    shutil.rmtree(repository.root / "pictures.lance")
    committed, said = repository.commit()
    assert committed, said


@needs_wheel
def test_a_dataset_that_is_no_longer_tracked(repository: Repository) -> None:
    dataset = repository.put(CLEAN, "images.lance")
    assert repository.commit()[0]
    # What is left on the disk is no part of the repository any more.
    repository.git("rm", "-r", "--cached", "--quiet", "images.lance")
    shutil.rmtree(dataset / "data")
    committed, said = repository.commit_staged()
    assert committed, said


@needs_wheel
def test_deletions_between_two_commits_are_seen_in_a_push(repository: Repository) -> None:
    dataset = repository.put(CLEAN, "images.lance")
    assert repository.commit()[0]
    for file in (dataset / "data").iterdir():
        file.unlink()
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--no-verify", "--message=unchecked")
    refs = ["--from-ref", "HEAD~1", "--to-ref", "HEAD"]
    done = repository.run(sys.executable, "-m", "pre_commit", "run", *refs)
    assert done.returncode == 1
    assert "data-file-missing" in done.stdout


@needs_wheel
def test_more_files_than_one_command_takes(repository: Repository) -> None:
    # pre-commit splits what is longer than 128 KiB into several commands.
    folder = "d" * 200
    for number in range(400):
        repository.put(CLEAN, f"{folder}/{number}.lance")
    committed, said = repository.commit()
    assert committed, said
    repository.put(DAFT_BLOB, f"{folder}/broken.lance")
    done = repository.run(sys.executable, "-m", "pre_commit", "run", "--all-files")
    assert done.returncode == 0, "the broken dataset is not staged yet"
    repository.git("add", "--all")
    done = repository.run(sys.executable, "-m", "pre_commit", "run", "--all-files")
    assert done.returncode == 1
    assert done.stdout.count("error[blob-stored-plain]") == 1


def pointer(file: Path) -> None:
    size = file.stat().st_size
    oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
    file.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")


@needs_wheel
@pytest.mark.parametrize("what", ["data/*", "**/*"])
def test_a_checkout_without_lfs_is_said_once(repository: Repository, what: str) -> None:
    dataset = repository.put(FOUR_FILES, "images.lance")
    for file in dataset.glob(what):
        if file.is_file():
            pointer(file)
    committed, said = repository.commit()
    assert not committed
    assert said.count("error[") == 1
    assert "is a Git LFS pointer, not the file that it stands for" in said
    assert said.count("git lfs pull") == 1
    # Nothing is to be moved away or restored.
    assert said.count("help:") == 1


@pytest.mark.skipif(
    "LANCE_LINT_SOURCE_HOOKS" not in os.environ, reason="LANCE_LINT_SOURCE_HOOKS is not set"
)
@pytest.mark.parametrize("name", ["lance-lint", "lance-lint-src"])
def test_the_hooks_of_this_repository(
    home: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    source = home / "source"
    if not source.is_dir():
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for file in os.fsdecode(listed).split("\0"):
            if file and not file.startswith(("testdata/", "tests/golden/")):
                (source / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / file, source / file)
        # What is tried is how the hooks are built, and not how fast the program is.
        (source / ".cargo").mkdir(exist_ok=True)
        (source / ".cargo" / "config.toml").write_text(
            "[profile.release.package.lance-lint]\nopt-level = 0\n"
        )
        copied = Repository(source, home)
        copied.git("init", "--quiet", "--initial-branch=main")
        copied.git("add", "--all", "--force")
        copied.git("commit", "--quiet", "--message=source")
    rev = Repository(source, home).git("rev-parse", "HEAD").strip()
    repository = Repository(tmp_path, home)
    repository.use([{"repo": str(source), "rev": rev, "hooks": [{"id": name}]}])
    fails_and_is_mended(repository)
