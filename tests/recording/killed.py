"""Records again and again and dies each time at a later instant. Run as a program, for test_record.

Every system call by which a recording reaches the disk is an instant. Each death is a process of its own, made by
fork, which costs less than a start.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

import torch
from toys import ToyCorpus, ToyModel

from unitscope.files import writing
from unitscope.recording import activations, shard
from unitscope.recording.record import record
from unitscope.recording.recording import Recording
from unitscope.source.live import Live

torch.set_num_threads(1)


def die_at(instant: int) -> None:
    """Arrange that this process is killed before the call of that number, or in the middle of it if it writes."""
    calls = 0

    def counted(call, half=None):
        def wrapper(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == instant:
                if half:
                    half(*arguments)
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return wrapper

    def fill_half(path, *parts):
        joined = b"".join(parts)
        path.write_bytes(joined[: len(joined) // 2])

    os.fsync = counted(lambda handle: None)  # a process that is killed loses nothing that the system has
    os.replace = counted(os.replace)
    os.mkdir = counted(os.mkdir)
    filled = counted(writing.fill, fill_half)
    for module in (writing, activations, shard):
        module.fill = filled


def record_few(folder: Path) -> Recording:
    """Two shards of two sites."""
    return record(Live(ToyModel(), ToyCorpus(6), 3), folder, ["toy.gate", "toy.sum"], shard_tokens=10)


def main(folder: Path) -> None:
    record_few(folder / "warm")  # what only happens once in a process is not paid by every child
    shutil.rmtree(folder / "warm")
    instant = 0
    while True:
        instant += 1
        child = os.fork()
        if child == 0:
            die_at(instant)
            record_few(folder / f"{instant:03d}")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            print(instant)
            sys.exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
