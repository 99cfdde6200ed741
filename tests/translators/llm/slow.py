"""An engine slow enough to be killed in the middle, that says when it is there: ``logits_processors=[slow:Slow]``."""

import os
import time
from pathlib import Path

from vllm.v1.sample.logits_processor import LogitsProcessor


class Slow(LogitsProcessor):
    def __init__(self, vllm_config, device, is_pin_memory):
        self.began = Path(os.environ["TROUBLE_FOLDER"]) / "began"

    def is_argmax_invariant(self):
        return True

    def update_state(self, batch_update):
        if batch_update and batch_update.added:
            self.began.touch()

    def apply(self, logits):
        time.sleep(0.15)
        return logits
