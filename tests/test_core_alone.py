"""What the README's one command installs suffices: every choice of ``conf/`` runs with it, or names its extra."""

import ast
import json
import re
import sys
from importlib.metadata import packages_distributions, requires
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
OURS = {"execground_ray", "ray_jobs"}
EXTRA = {"vllm": ["ray"], "torch": ["ray"], "transformers": ["transformers"]}  # of extras that are not installed here
# Hides from a process every module that comes with an extra only.
HIDE = """
import sys

class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in HIDDEN else self.finder.find_spec(name, path, target)

HIDDEN = frozenset(%s)
sys.meta_path[:] = map(Hiding, sys.meta_path)
"""
CHOOSE = """
import sys
from importlib import import_module
from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import load
from execground_ray import pipeline
from execground_ray.translators.translator import open_translator
for overrides in sys.argv[1:]:
    try:
        config = load(overrides.split())
        import_module(config.translator.implementation.partition(":")[0])
        if config.translator.kind != "http":  # which asks its server
            open_translator(config)
    except ConfigError as error:
        print("refused:", error)
    else:
        print("runs")
"""
# What is chosen, and what is said to it; one process tries them in turn.
CHOICES = {
    "translator=vllm": "pip install 'execground-ray[vllm]'",
    "experiment=paper": "pip install 'execground-ray[vllm]'",
    "cluster.dashboard=true": "pip install 'ray[default]",
    "export.tokenizer=owner/name export.max_tokens=9": "pip install 'execground-ray[tokenizer]'",
    "translator=template": "runs",
    "translator=http": "runs",
    "source=huggingface source.path=owner/name": "runs",
    "sandbox=none": "runs",
    "experiment=smoke": "runs",
}


def name_of(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def core() -> set[str]:
    """The distributions that the project needs without its extras, all the way down."""
    found, waiting = set(), [("execground-ray", frozenset())]
    while waiting:
        distribution, extras = waiting.pop()
        if (distribution, extras) in found:
            continue
        found.add((distribution, extras))
        for text in requires(distribution) or ():
            requirement = Requirement(text)
            wanted = [{"extra": extra} for extra in extras] or [{"extra": ""}]
            if requirement.marker is None or any(requirement.marker.evaluate(each) for each in wanted):
                waiting.append((name_of(requirement.name), frozenset(requirement.extras)))
    return {distribution for distribution, _ in found}


@pytest.fixture(scope="module")
def core_alone():
    """A program's beginning that hides everything else from the rest of it."""
    kept = core() | {"pip", "setuptools"}
    bundled = {path.name for path in Path(find_spec("ray").origin).parent.joinpath("thirdparty_files").iterdir()}
    hidden = [
        module
        for module, distributions in packages_distributions().items()
        if not kept & {name_of(each) for each in distributions} and module not in bundled
    ]
    assert {"transformers", "moto", "xdist"} <= set(hidden)
    return HIDE % json.dumps(hidden)


def test_a_choice_runs_or_names_its_extra(run_command, core_alone):
    result = run_command("-c", core_alone + CHOOSE, *CHOICES)
    told = result.stdout.splitlines()
    assert len(told) == len(CHOICES), result.stderr
    for choice, words, line in zip(CHOICES, CHOICES.values(), told, strict=True):
        assert words in line, choice


def test_what_is_imported_is_declared():
    """Nothing relies on what another package happens to bring."""
    declared = {name_of(Requirement(text).name) for text in requires("execground-ray")}
    providers = packages_distributions()
    undeclared = set()
    for path in [*(ROOT / "execground_ray").rglob("*.py"), *(ROOT / "ray_jobs").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            for module in {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - OURS:
                if not declared & {name_of(each) for each in providers.get(module, EXTRA.get(module, [module]))}:
                    undeclared.add((path.name, module))
    assert undeclared == set()
