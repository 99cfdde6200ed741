"""The project as a wheel, installed outside its checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder into which the wheel, built from this checkout, is installed without what it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-build-isolation", "--no-deps", "-w", folder, ROOT], check=True)
    [wheel] = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-index", "--no-deps", "--target", folder / "site", wheel], check=True)
    return folder / "site"


def test_it_brings_its_settings_sample_prompts_and_templates(installed, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "ray_jobs.build_dataset", "experiment=smoke", "source.limit=2", "cluster.num_cpus=1"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out" / "smoke" / "report.html").exists()


def test_every_file_that_is_no_module_is_in_it(installed):
    modules = {".py", ".pyc"}
    wanted = {
        path.relative_to(ROOT)
        for path in (ROOT / "execground_ray").rglob("*")
        if path.is_file() and path.suffix not in modules
    }
    wanted |= {Path("execground_ray") / path.relative_to(ROOT) for path in (ROOT / "conf").rglob("*.yaml")}
    assert {str(path) for path in wanted if not (installed / path).exists()} == set()


@pytest.mark.parametrize("home", ["/proc/nowhere", None])
def test_a_user_without_a_home_can_run_it(installed, tmp_path, home):
    program = "import os; from ray_jobs.build_dataset import provide_home; provide_home(); print(os.environ['HOME'])"
    environment = {name: value for name, value in os.environ.items() if name != "HOME"} | {"PYTHONPATH": str(installed)}
    if home:
        environment["HOME"] = home
    else:
        program = f"import pwd; pwd.getpwuid = lambda user: {{}}[user]; {program}"
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert "execground-home-" in ended.stdout
    assert not Path(ended.stdout.strip()).exists()
