"""Runs the stream on 8 logical GPUs and some CPUs, with engines that are real but for their constructor.

``python place_engines.py FOLDER CPUS ENGINES GPUS_PER_ENGINE`` wants FOLDER/problems.jsonl and a tokenizer in
FOLDER/model. Prints a JSON line: the GPUs of each placement group, the rows written, and what is said
before that, while others use all GPUs.
"""

import json
import sys
from pathlib import Path

import ray
from corpus_of_marks import read_output
from stubbed_engine import StubbedEngine

from execground_ray import pipeline
from execground_ray.cluster import plan_tracing
from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import load, to_yaml
from execground_ray.corpus.splits import list_splits
from execground_ray.corpus.survey import map_on_ray, survey_corpus
from execground_ray.output.layout import CONFIG, new_run
from execground_ray.output.storage import Folder
from execground_ray.private.ray import start
from execground_ray.progress import Progress
from execground_ray.translators.llm import engine
from execground_ray.translators.llm.gpus import smallest_gpu
from execground_ray.translators.llm.vllm import VllmModel


def main():
    engine.Engine = StubbedEngine
    place(Path(sys.argv[1]), *map(int, sys.argv[2:]))


def place(folder, cpus, engines, size):
    config = load(
        [
            "translator=vllm",
            f"translator.model={folder}/model",
            "translator.max_model_len=4096",
            "translator.sampling_params.max_tokens=16",
            f"cluster.engines={engines}",
            f"cluster.gpus_per_engine={size}",
            "source=jsonl",
            f"source.path={folder}/problems.jsonl",
            f"output.dir={folder}/out{cpus}-{engines}",
            "verification.mode=score",
        ]
    )
    start(address="local", num_cpus=cpus, num_gpus=8, include_dashboard=False)
    refusal = say_of_busy_gpus()
    model = VllmModel(config.translator, config.seed)
    model.start()
    Folder.at(config.output.dir).write_text(CONFIG, to_yaml(config))
    plans = survey_corpus(list_splits(config.source), None, config.seed, map_on_ray)
    with Progress(sum(plan.rows for plan in plans)) as progress:
        actors = plan_tracing([cpus], config.tracing, model.cpus)
        pipeline.stream(config, plans, pipeline.Run(new_run(), actors, model, None, progress.tally))
    groups = [
        sum(bundle.get("GPU", 0) for bundle in group["bundles"].values())
        for group in ray.util.placement_group_table().values()
        if group["state"] == "CREATED"  # Ray Data asks for one more than it uses
    ]
    train, rejected = read_output(folder / f"out{cpus}-{engines}")
    ray.shutdown()
    print(
        json.dumps({"groups": sorted(groups), "rows": len(train) + len(rejected), "train": len(train), "busy": refusal})
    )


@ray.remote(num_cpus=0, num_gpus=8)
class Others:
    def are_there(self):
        return True


def say_of_busy_gpus():
    others = Others.remote()
    ray.get(others.are_there.remote())
    try:
        return smallest_gpu(ray.nodes(), wait_seconds=1)
    except ConfigError as error:
        return str(error)
    finally:
        ray.kill(others)


if __name__ == "__main__":
    main()
