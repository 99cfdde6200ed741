"""Compose the configuration from ``conf/`` and overrides, and check it before anything heavy starts.

Hydra puts the files and the command line together; what comes out is one frozen ``Config``, or a ``ConfigError`` with
one line that names the key and what is allowed.
"""

from __future__ import annotations

import dataclasses
import glob
import json
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from execground_ray.config.errors import ConfigError, first_fault
from execground_ray.config.schema import (
    CHARACTERS,
    Config,
    DatasetSource,
    FileSource,
    HuggingFaceSource,
    NoTranslator,
    TemplateTranslator,
)

if TYPE_CHECKING:
    from omegaconf import DictConfig

CONF_DIR = (Path(__file__).parents[1] / "conf").resolve()  # a link to the repository's, files in a wheel
MISSING = "???"  # what Hydra writes for a value that the user has to give
CREDENTIALS = re.compile(r"\w+://([^/@]*:[^/@]*@|.*[?&]\w*(key|secret|token|password|signature)=)", re.IGNORECASE)
JOB_CACHE = "runtime_resources"  # where Ray unpacks the working directory of a submitted job
CONFIG = TypeAdapter(Config)
# Settings that outputs of earlier versions do not name, what those versions did, and the choices that have them, if not
# all.
MODELS = ("vllm", "http")
ADDED_SINCE: dict[str, tuple[Any, tuple[str, ...]]] = {
    "source.layout": ("pyedu", ("sample", "jsonl", "parquet", "huggingface")),
    "prefilter.decontaminate": ([], ()),
    "prefilter.near_duplicates": (None, ()),
    "export.control_text": ("keep", ()),
    "tracing.exceptions": ("reject", ()),
    "tracing.smaller_inputs": (False, ()),
    "tracing.packages": ([], ()),
    "export.preference": (False, ()),
    "cluster.engine_kwargs": ({}, ()),
    "translator.cluster_kwargs": ({}, ("vllm",)),
    "translator.max_failures": (32, ("http",)),
    "translator.attempts": (1, MODELS),
    "translator.retry_max_tokens": (None, MODELS),
    "translator.fallback": ("none", MODELS),
    "verification.min_coverage": (0.0, ()),
    "verification.min_supported": (0, ()),
}
GROUPS_SINCE = {"prefilter"}  # groups that they do not name at all
GONE_SINCE = {"tracing": "output_bytes"}  # and what they named that nothing reads any more


def load(overrides: Sequence[str] = ()) -> Config:
    """Compose the configuration as the command line does, for tests and benchmarks.

    Args:
        overrides: as on the command line, e.g. ``["source.limit=5", "experiment=paper"]``.

    Raises:
        ConfigError: what the command line would refuse.
    """
    return parse(compose(overrides))


def compose(overrides: Sequence[str] = ()) -> DictConfig:
    """Let Hydra put ``conf/`` and the overrides together; nothing but the existence of the keys is checked.

    Raises:
        ConfigError: Hydra cannot compose it.
    """
    import hydra

    from execground_ray.config.hydra_errors import COMPOSITION_ERRORS, explain

    try:
        with hydra.initialize_config_dir(str(CONF_DIR), version_base="1.3"):
            return hydra.compose("config", list(overrides))
    except COMPOSITION_ERRORS as error:
        raise ConfigError(explain(error, CONF_DIR, overrides)) from error


def parse(composed: DictConfig) -> Config:
    """Check a composed configuration and give it its types.

    Raises:
        ConfigError: an unknown or missing key, a wrong type, a value out of range, a combination that makes no sense,
            or an input path that does not exist.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from execground_ray.config.hydra_errors import explain

    try:
        values = OmegaConf.to_container(composed, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(explain(error, CONF_DIR, ())) from error
    config = check(values)
    _check_attempts(config)
    _check_extras(config)
    _check_paths(config)
    _check_hub(config)
    return config


def check(values: Any) -> Config:
    """Give plain values their types, as those of ``summary.json`` and ``config.yaml``.

    Raises:
        ConfigError: a key is unknown or missing, or a value is of a wrong type or out of range.
    """
    try:
        # By way of JSON: pydantic takes a mapping for a dataclass there, and is as strict with what is in it.
        return CONFIG.validate_json(json.dumps(_given(values)))
    except ValidationError as error:
        raise ConfigError(first_fault(CONFIG, error)) from None


def as_of_now(saved: Any) -> Any:
    """Return the configuration that came with an output, an earlier version's completed by what it did."""
    if not isinstance(saved, dict):
        return saved
    for key, (value, kinds) in ADDED_SINCE.items():
        group, _, name = key.partition(".")
        if group in GROUPS_SINCE:
            saved.setdefault(group, {})
        if isinstance(saved.get(group), dict) and (not kinds or saved[group].get("kind") in kinds):
            saved[group].setdefault(name, value)
    for group, name in GONE_SINCE.items():
        if isinstance(saved.get(group), dict):
            saved[group].pop(name, None)
    return saved


def to_yaml(config: Config) -> str:
    """The resolved configuration as text, to be saved with the output; ``parse`` reads it back."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(dataclasses.asdict(config)))


def _given(values: Any) -> Any:
    """The values without those that the user has yet to give."""
    if not isinstance(values, Mapping):
        return values
    return {name: _given(value) for name, value in values.items() if value != MISSING}


def _check_attempts(config: Config) -> None:
    """Refuse attempts that would be shorter than the one before, and pairs where no text can be refused."""
    translator = None if isinstance(config.translator, TemplateTranslator | NoTranslator) else config.translator
    if translator and translator.retry_max_tokens is not None:
        first = translator.sampling_params.max_tokens
        if first is None or translator.retry_max_tokens <= first:
            raise ConfigError(
                f"translator.retry_max_tokens = {translator.retry_max_tokens} is not more than "
                f"translator.sampling_params.max_tokens = {'null' if first is None else first}; allowed: more, or null"
            )
    again = translator and (translator.attempts > 1 or translator.fallback == "template")
    if config.export.preference and not (again and config.verification.mode == "enforce"):
        raise ConfigError(
            "export.preference = true would give no pair; allowed: false, or verification.mode=enforce with "
            "translator=vllm or http and translator.attempts > 1 or translator.fallback=template"
        )


def _check_extras(config: Config) -> None:
    """Refuse what nothing could measure, and what is not installed."""
    if config.export.max_tokens is not None and config.export.tokenizer is None:
        raise ConfigError(
            f"export.tokenizer is missing: export.max_tokens needs it; allowed: {CHARACTERS}, or the trained model"
        )
    if config.cluster.dashboard and find_spec("aiohttp_cors") is None:
        raise ConfigError("cluster.dashboard=true needs Ray's dashboard: pip install 'ray[default]'")
    if config.export.tokenizer not in (None, CHARACTERS) and find_spec("transformers") is None:
        raise ConfigError(
            f"export.tokenizer={config.export.tokenizer} needs transformers: pip install 'execground-ray[tokenizer]'"
        )


def _check_paths(config: Config) -> None:
    """Refuse local paths that cannot be read from or written to; remote ones are left to who opens them."""
    source = config.source
    url = getattr(config.translator, "url", "")
    for key, path in (
        ("output.dir", config.output.dir),
        ("source.path", getattr(source, "path", "")),
        *(("prefilter.decontaminate", path) for path in config.prefilter.decontaminate),
    ):
        if CREDENTIALS.match(path):  # not shown: they would stand in every log
            raise ConfigError(
                f"{key} holds credentials, which would be saved with the output; allowed: those of the "
                "environment, a profile or the machine's role"
            )
    if CREDENTIALS.match(url):
        raise ConfigError(
            "translator.url holds credentials, which would be saved with the output; allowed: "
            "translator.api_key_env, the name of an environment variable with the key"
        )
    _check_sources(config)
    if JOB_CACHE in Path.cwd().parts and not _stays(config.output.dir):
        raise ConfigError(
            f"output.dir = {config.output.dir!r} is relative, and a submitted job runs in a cache of Ray's, which is "
            "deleted some day; allowed: an absolute path on a disk that stays, or a URI such as s3://bucket/out"
        )
    if _is_file(config.output.dir.removeprefix("file://")):
        raise ConfigError(f"output.dir = {config.output.dir!r} is a file; allowed: a folder or URI")


def _check_sources(config: Config) -> None:
    """Refuse local paths to read from that are not there."""
    source = config.source
    if isinstance(source, FileSource) and not _exists(source.path):
        raise ConfigError(f"source.path = {source.path!r} does not exist; allowed: a file, folder, glob or URI")
    if isinstance(source, DatasetSource) and not _exists(source.path):
        raise ConfigError(f"source.path = {source.path!r} does not exist; allowed: the output.dir of an earlier run")
    for path in config.prefilter.decontaminate:
        if not _exists(path):
            raise ConfigError(f"prefilter.decontaminate: {path!r} does not exist; allowed: files, globs or URIs")
    if isinstance(source, HuggingFaceSource) and not (_exists(source.path) or _is_hub_name(source.path)):
        raise ConfigError(
            f"source.path = {source.path!r} does not exist; allowed: owner/name on the Hub, an hf:// URI or a folder"
        )


def _check_hub(config: Config) -> None:
    """Refuse an upload that cannot come off."""
    repository = config.export.push_to_hub
    if repository is None:
        return
    if not _is_hub_name(repository):
        raise ConfigError(
            f"export.push_to_hub = {repository!r} is no repository; allowed: owner/name on the Hub, or null"
        )
    if "://" in config.output.dir.removeprefix("file://"):
        raise ConfigError(
            f"export.push_to_hub uploads a folder of this machine; output.dir = {config.output.dir!r} is none"
        )
    from huggingface_hub import get_token

    if get_token() is None:
        raise ConfigError("export.push_to_hub needs a token: set HF_TOKEN, or log in once with `hf auth login`")


def _exists(path: str) -> bool:
    """Whether a local path or glob is there; a remote URI counts as there, and what may not be looked at."""
    path = path.removeprefix("file://")
    try:
        if "://" in path or Path(path).expanduser().exists():
            return True
    except PermissionError:  # who opens it says so
        return True
    return bool(glob.glob(str(Path(path).expanduser()), recursive=True))  # noqa: PTH207  (a pattern may be absolute)


def _is_file(path: str) -> bool:
    """Whether a path is a file; what may not be looked at is left to who writes there."""
    try:
        return Path(path).is_file()
    except PermissionError:
        return False


def _stays(path: str) -> bool:
    """Whether a path means the same wherever the job runs."""
    return "://" in path or Path(path).expanduser().is_absolute()


def _is_hub_name(path: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", path) is not None
