"""Trouble inside vLLM's own process, at rows that ask for it: loaded as ``logits_processors=[trouble:Trouble]``.

``HANG`` stops it for ever, but only once per folder ``TROUBLE_FOLDER``; ``POISON`` kills it each time, a row that has
both marks after it hung.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

from transformers import AutoTokenizer
from vllm.v1.sample.logits_processor import LogitsProcessor


class Trouble(LogitsProcessor):
    def __init__(self, vllm_config, device, is_pin_memory):
        self.tokenizer = AutoTokenizer.from_pretrained(vllm_config.model_config.tokenizer)

    def is_argmax_invariant(self):
        return True

    def apply(self, logits):
        return logits

    def update_state(self, batch_update):
        for _, _, prompt, _ in batch_update.added if batch_update else ():
            text = self.tokenizer.decode(prompt)
            if "HANG" in text:
                with contextlib.suppress(FileExistsError):
                    (Path(os.environ["TROUBLE_FOLDER"]) / "hung").touch(exist_ok=False)
                    time.sleep(3600)
            if "POISON" in text:
                os.kill(os.getpid(), signal.SIGKILL)
