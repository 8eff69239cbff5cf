"""Use what a search found."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from triptych.parameters.base import Params

_logger = logging.getLogger(__name__)


def apply_best(blocks: Mapping[str, Params], best: Mapping[str, Any], name: str, data: str) -> list[Any]:
    """Put what a search found in the place of settings that nobody set explicitly; log where each comes from.

    What was found on other data, or does not fit the settings, is not used: a warning says so.

    Args:
        blocks: The settings, by key (`faq.ranker`). The field `tuned` of one says whether a search's result is wanted:
            `true`, `false`, or `any_data`.
        best: What `select_best` gave; empty if there was no search.
        name: The dataset that it comes from, `<workload>.<search>_best`.
        data: Fingerprint of the data at hand, made as that of the trials.

    Returns:
        The settings, in the order in which they came.
    """
    switch, tuned = next((key, block.tuned) for key, block in blocks.items() if hasattr(block, "tuned"))
    record = best if isinstance(best, Mapping) else {}
    found: Mapping[str, Any] = {}
    if best and tuned:
        found = record.get("config", {})
        fault, way_out = _find_misfit(blocks, found), "delete it"
        if not fault and record.get("data") != data and tuned != "any_data":
            fault = "it was found on other data or features than those at hand"
            way_out = f"use it all the same with `--params {switch}.tuned=any_data`"
        if fault:
            advice = f"Search anew with `kedro run --pipelines {name.partition('.')[0]}_tune`, or {way_out}"
            _logger.warning("%s is not used: %s. %s.", name, fault, advice)
            found = {}
    source = f"{name} (trial {record.get('trial')})"
    return [_apply(key, block, found, source) for key, block in blocks.items()]


def _find_misfit(blocks: Mapping[str, Params], config: Any) -> str:
    """Say why a configuration does not fit the settings, or nothing; what is set explicitly it has to fit as well."""
    if not isinstance(config, Mapping):
        return "it holds no configuration"
    unknown = sorted(set(config) - {field for block in blocks.values() for field in type(block).model_fields})
    if unknown or not config:
        return f"it names {', '.join(unknown) or 'nothing'}, which {' and '.join(blocks)} do not have"
    try:
        for key, block in blocks.items():
            block.read({**dict(block), **pick_fields(block, config)}, key)
            block.read({**dict(block), **_pick_unset(block, config)}, key)
    except ValueError as error:
        return str(error)
    return ""


def _apply(key: str, block: Params, found: Mapping[str, Any], source: str) -> Params:
    own = pick_fields(block, found)
    used = _pick_unset(block, found)
    explicit = [
        f"{name}={value}" + (f" (the search found {own[name]})" if name in own else "")
        for name, value in block
        if name in block.model_fields_set - used.keys()
    ]
    default = [f"{name}={value}" for name, value in block if name not in block.model_fields_set | used.keys()]
    origins = {
        f"from {source}": [f"{name}={value}" for name, value in used.items()],
        "set explicitly": explicit,
        "default": default,
    }
    lines = [f"\n  {origin}: {', '.join(values)}" for origin, values in origins.items() if values]
    _logger.info("Settings of %s%s", key, "".join(lines))
    return block.replace(**used) if used else block


def pick_fields(block: Params, config: Mapping[str, Any]) -> dict[str, Any]:
    """Pick what belongs to a block out of a configuration; of a block within it, what is not named stays as it is."""
    return {name: _fill_up(getattr(block, name), config[name]) for name in config if name in type(block).model_fields}


def _fill_up(own: Any, found: Any) -> Any:
    is_block = isinstance(own, Params) and isinstance(found, Mapping)
    return {**dict(own), **found} if is_block else found


def _pick_unset(block: Params, config: Mapping[str, Any]) -> dict[str, Any]:
    """Pick what belongs to a block and is not set explicitly; of a block within it, likewise."""
    picked = {}
    for name in config.keys() & type(block).model_fields.keys():
        own, found = getattr(block, name), config[name]
        if isinstance(own, Params) and isinstance(found, Mapping) and own.model_fields_set:
            found = {key: value for key, value in found.items() if key not in own.model_fields_set}
            if found:
                picked[name] = _fill_up(own, found)
        elif name not in block.model_fields_set:
            picked[name] = _fill_up(own, found)
    return {name: picked[name] for name in config if name in picked}
