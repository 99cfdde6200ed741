"""Makes a Qwen3 of a few hundred thousand random weights, with a tokenizer of its own, in a folder.

The tokenizer is trained on the bundled sample; the chat template has Qwen3's switch ``enable_thinking``.
``python tests/translators/llm/tiny_model.py FOLDER`` makes one by hand (needs torch).
"""

import json
import sys
from importlib.resources import files
from pathlib import Path

MAX_LENGTH = 4096
END = 2  # the token that ends a turn
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message.role + '\\n' -}}"
    "{%- if message.role == 'assistant' and '<think>' not in message.content -%}"
    "{{- '<think>\\n\\n</think>\\n\\n' -}}"
    "{%- endif -%}"
    "{{- message.content + '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}"
    "{%- if enable_thinking is defined and enable_thinking is false -%}"
    "{{- '<think>\\n\\n</think>\\n\\n' -}}"
    "{%- endif -%}{%- endif -%}"
)


def make_tokenizer(folder: Path, chat_template: str | None = CHAT_TEMPLATE) -> None:
    """Train a byte-level tokenizer on the sample and write it in the form that ``AutoTokenizer`` reads."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    lines = (files("execground_ray") / "corpus" / "sample.jsonl").read_text("utf-8").splitlines()
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in ("<think>", "</think>")])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=chat_template
    )
    fast.save_pretrained(folder)


def make_model(folder: Path, end_weight: float = 12, layers: int = 2, hidden: int = 64) -> None:
    """Write random weights and the tokenizer; larger ones for benchmarks."""
    import torch
    from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

    make_tokenizer(folder)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=1024,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=MAX_LENGTH,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=END,
    )
    model = Qwen3ForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight[END] *= end_weight  # of 1, hardly a text would ever end
    model.to(torch.bfloat16).save_pretrained(folder)
    GenerationConfig(eos_token_id=[END, 0], pad_token_id=0).save_pretrained(folder)


def make_adapter(folder: Path, rank: int = 8) -> None:
    """Write an adapter of random weights: large enough to change nearly every text, and small enough to let it end."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(1)
    folder.mkdir()
    weights = {}
    for layer in range(2):
        for name, width in (("q_proj", 64), ("v_proj", 32)):
            place = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            weights[f"{place}.lora_A.weight"] = 0.07 * torch.randn(rank, 64)
            weights[f"{place}.lora_B.weight"] = 0.07 * torch.randn(width, rank)
    save_file(weights, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": 16,
        "bias": "none",
        "target_modules": ["q_proj", "v_proj"],
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    make_model(Path(sys.argv[1]))
