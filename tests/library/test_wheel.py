"""The wheel, installed elsewhere, works without the repository: it ships the library, and nothing of the tests."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

VERSIONS = ("3.11", "3.12", "3.13")
OWN_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def run(*words: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    found = subprocess.run([str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    return next(folder.glob("*.whl"))


def interpreters(version: str) -> list[str]:
    """Places where a version of Python may be: on the path, and among those of pyenv."""
    on_path = shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return [*([on_path] if on_path else []), *(str(folder / "bin" / "python") for folder in sorted(pyenv.glob(f"{version}.*")))]


def works(python: str) -> bool:
    return subprocess.run([python, "--version"], capture_output=True, check=False).returncode == 0


def installed_commands(wheel: Path, version: str, folder: Path) -> Path:
    """The folder of the commands of a new environment with the wheel, on a version of Python.

    The dependencies of this version are those of the tests; of another version they are installed.
    """
    python = sys.executable if version == OWN_VERSION else next(filter(works, interpreters(version)), None)
    if python is None:
        pytest.skip(f"Python {version} was not found")
    run(python, "-m", "venv", folder, cwd=ROOT)
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = (commands / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    if version == OWN_VERSION:
        run(*pip, "--no-deps", "--no-index", wheel, cwd=folder)
        own = Path(run(commands / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
        (own / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    else:
        run(*pip, "-r", ROOT / "requirements.lock", cwd=folder)
        run(*pip, "--no-deps", wheel, cwd=folder)
    return commands


@pytest.mark.slow  # a new environment installs the dependencies, and compiles the kernels
@pytest.mark.parametrize("version", VERSIONS)
def test_an_installed_wheel_works_anywhere(version: str, wheel: Path, tmp_path: Path) -> None:
    commands, here = installed_commands(wheel, version, tmp_path / "environment"), tmp_path / "elsewhere"
    here.mkdir()
    cjsim = commands / "cjsim"
    place = run(commands / "python", "-c", "import cjsim.library as l; print(l.library_folder())", cwd=here).strip()
    assert Path(place).is_relative_to(tmp_path / "environment")
    assert "shop_better" in run(cjsim, "library", cwd=here)
    assert "clv" in run(cjsim, "simulate", "shop", "--customers", "50", cwd=here)
    assert "clv" in run(cjsim, "compare", "shop", "shop_better", "--customers", "50", cwd=here)
    run(cjsim, "new", "mine", cwd=here)
    assert "clv" in run(cjsim, "compare", "mine/scenarios/today.yaml", "mine/scenarios/what_if.yaml", "--customers", "50", cwd=here)
    assert "offer_sooner: " in run(cjsim, "experiment", "mine/experiments/offer_sooner.yaml", "--customers", "100", cwd=here)
    run(cjsim, "new", "copy", "--from", "saas", cwd=here)
    run(cjsim, "optimize", "copy/studies/timing.yaml", "--set", "customers=50", "--set", "trials=2", "--storage", "memory", cwd=here)


def test_a_wheel_ships_no_test_material(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if "experiments/e" in name or "tests/" in name or "reports/" in name] == []
