"""Ray as a driver: actors, one model each, that pull parts. Placement, retries and the cluster are Ray's.

Needs the extra ``ray``. ``Ray`` connects to the cluster of the environment (``RAY_ADDRESS``, ``ray start``), or starts
one on this machine. The store must be a place that all nodes see: a shared folder or an object store.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from unitscope.errors import InputError
from unitscope.fold.drive import Job
from unitscope.fold.plan import Part
from unitscope.source.workers import DEATHS


class Worker:
    """An actor."""

    def __init__(self, job: Job) -> None:
        torch.set_num_threads(1)
        self.job = job

    def work(self, part: Part) -> int:
        """Fold a part into the store."""
        return self.job.work(part)


@dataclass(frozen=True)
class Ray:
    """``workers`` actors; ``resources`` are what each asks for, such as ``{"num_gpus": 1}``."""

    workers: int
    resources: dict[str, Any] = field(default_factory=lambda: {"num_cpus": 1})

    def run(self, job: Job, parts: Sequence[Part]) -> Iterator[int]:
        """Fold all of these parts; those of an actor that died are given to another."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise InputError("ray is not installed; pip install 'unitscope[ray]'") from error
        if not ray.is_initialized():
            ray.init(address=os.environ.get("RAY_ADDRESS"), log_to_driver=False, configure_logging=False)

        kind = ray.remote(**self.resources)(Worker)
        waiting = list(reversed(parts))
        deaths = 0
        idle = [kind.remote(job) for _ in range(min(self.workers, len(parts)))]
        busy: dict[Any, tuple[Any, Part]] = {}
        while waiting or busy:
            while idle and waiting:
                actor, part = idle.pop(), waiting.pop()
                busy[actor.work.remote(part)] = actor, part
            (ready, *_), _ = ray.wait(list(busy), num_returns=1)
            actor, part = busy.pop(ready)
            try:
                yield ray.get(ready)
            except (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError) as error:
                deaths += 1
                waiting.append(part)
                if deaths > DEATHS * max(1, len(parts)):
                    raise InputError(f"workers of Ray died {deaths} times; {len(waiting)} parts are left") from error
                actor = kind.remote(job)
            except ray.exceptions.RayTaskError as error:
                raise error.as_instanceof_cause() from error
            if waiting:
                idle.append(actor)
            else:
                ray.kill(actor)  # what it held is free for those that wait, on a cluster that became smaller
