"""Hydra's errors in, one clear line out.

Hydra reports a wrong override in several lines: what failed, the internal cause, the search path. A user wants the
key, what is allowed, and the closest key that exists. All knowledge about the wording of Hydra 1.3 is in this file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.errors import HydraException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from execground_ray.config.errors import choices, join, unknown_key

PARQUET = (".parquet", ".pq")
FILES = (*PARQUET, ".jsonl", ".json", ".ndjson", ".gz", ".bz2", ".zst", ".lz4", ".xz")

# Hydra raises a plain ValueError for a group that is given a number.
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, YAMLError, ValueError)


def explain(error: Exception, conf_dir: Path, overrides: Sequence[str]) -> str:
    """One line about why ``conf_dir/config.yaml`` and ``overrides`` could not be composed."""
    text = str(error)
    if isinstance(error, OverrideParseException):
        if wrong := _wrong_choice(conf_dir, [error.override]):
            return wrong
        why = _one_line(text.removeprefix(f"Error parsing override '{error.override}'"))
        return f"{error.override!r} cannot be read: {why}; allowed: key=value, special characters in quotes"
    if missing := re.search(r"Could not find '(hydra/\w+|\w+)/([^']*)'", text):
        known = re.findall(r"^\t(\w+)$", text, re.MULTILINE)
        return _wrong_choice(conf_dir, overrides) or _unknown_choice(missing[1], missing[2], known)
    if unknown := re.match(r"Could not override '([\w.]+)'", text):
        return _unknown_key(unknown[1], conf_dir, overrides) or _one_line(text)
    if text.startswith("Config group override must be"):
        return _wrong_choice(conf_dir, overrides) or _one_line(text)
    full_key = getattr(error, "full_key", None)
    return f"{full_key}: {_one_line(text)}" if full_key else _one_line(text)


def _unknown_choice(group: str, choice: str, known: Sequence[str]) -> str:
    meant = _meant(group, choice.strip("'\""))
    hint = f"did you mean {meant}? allowed: {', '.join(known)}" if meant else choices(choice, known)
    return f"{group}={choice} is not a choice; {hint}"


def _meant(group: str, value: str) -> str | None:
    """The overrides that were meant where a group is given a path, an address or a name on the Hub."""
    if "/" not in value and not value.lower().endswith(FILES):
        return None
    is_name = re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", value) and not value.lower().endswith(FILES)
    if group == "source":
        kind = "huggingface" if is_name else "parquet" if value.lower().endswith(PARQUET) else "jsonl"
        return f"source={kind} source.path={_quoted(value)}"
    if group == "translator":
        return (
            f"translator=http translator.url={_quoted(value)}"
            if value.startswith(("http://", "https://"))
            else f"translator=vllm translator.model={_quoted(value)}"
        )
    return None


def _quoted(value: str) -> str:
    """A value as Hydra and a shell take it."""
    return value if re.fullmatch(r"[\w./:@+-]+", value) else f"\"'{value}'\""


def _wrong_choice(conf_dir: Path, overrides: Sequence[str]) -> str | None:
    """The message for the first override that gives a group something which is none of its files."""
    for group, _, choice in (override.partition("=") for override in overrides):
        known = sorted(path.stem for path in (conf_dir / group).glob("*.yaml"))
        if group and known and choice not in known:
            return _unknown_choice(group, choice, known)
    return None


def _unknown_key(key: str, conf_dir: Path, overrides: Sequence[str]) -> str | None:
    """The message for a key that the chosen groups do not have; None if it is not one of the job's own keys."""
    chosen = [override for override in overrides if (conf_dir / override.partition("=")[0]).is_dir()]
    with hydra.initialize_config_dir(str(conf_dir), version_base="1.3"):
        node: Any = OmegaConf.to_container(hydra.compose("config", chosen))
    parent = ""
    for name in key.split("."):
        if not isinstance(node, dict):
            return f"{key} is not a key; {parent} is a single value"
        if name not in node:
            if parent and not node:
                return f"{key} is not a key; to add it, write +{key}=..."
            return None if name == "hydra" else _misplaced(name, node, parent) or unknown_key(parent, name, node)
        node, parent = node[name], join(parent, name)
    return None


def _misplaced(name: str, node: dict[str, Any], parent: str) -> str | None:
    """The message for a key of one of the groups that is given without its group."""
    groups = [] if parent else [group for group, values in node.items() if isinstance(values, dict) and name in values]
    if not groups:
        return None
    return f"{name} is not a key; did you mean {' or '.join(join(group, name) for group in groups)}?"


def _one_line(text: str) -> str:
    """Hydra's own words, without its links and internals."""
    lines = [line.strip().rstrip(".") for line in text.partition("Config search path:")[0].splitlines()]
    return "; ".join(line for line in lines if line and not line.startswith(("See https", "full_key", "object_type")))
