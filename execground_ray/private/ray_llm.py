"""The stages of ``ray.llm``, one of which the job replaces by its own: what they inherit and how they are replaced.

An update of a field that a stage does not have goes through without a word, so the fields are looked for here.
"""

from __future__ import annotations

from ray.llm._internal.batch.stages.base import StatefulStage, StatefulStageUDF

from execground_ray.private.checking import require

__all__ = ["StatefulStageUDF"]

require("ray", StatefulStage, "fn", "fn_constructor_kwargs", "map_batches_kwargs")
require("ray", StatefulStageUDF, "udf", "IDX_IN_BATCH_COLUMN")
