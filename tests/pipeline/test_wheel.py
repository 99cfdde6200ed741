"""The project as a wheel, installed outside its checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from job import ROOT


def test_a_run_finds_its_settings_sample_and_templates_in_it(sample_run):
    output, ended, _ = sample_run
    assert ended.code == 0, ended.stderr
    assert (output / "report.html").exists()


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
