"""Commands in processes of their own, made by fork, so that Python and its libraries start once and not every time."""

import contextlib
import errno
import gc
import hashlib
import io
import os
import platform
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST = 600.0
"""Seconds after which a command that has not ended counts as one that never does: busy machines are slow."""
SLOW, LARGE = 10.0, 2_000_000
"""Seconds of a processor, and kilobytes of memory beyond what a command begins with, that nothing strange may take."""
MEANT = (signal.SIGINT, signal.SIGTERM)
"""Signals that can be kept back."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    """Negative for a signal."""
    said: str
    """On both outputs."""
    seconds: float
    """Until it ended."""
    computed: float
    """Seconds of a processor."""
    memory: int
    """Kilobytes at most, beyond those that it began with."""

    def faults(self) -> Iterator[str]:
        """What no command may do, whatever it is given: hang, take all the memory, or end in more than a line."""
        if self.status not in (0, 1, 2) or "Traceback" in self.said or "fault of unitscope" in self.said:
            yield f"status {self.status}: {self.said[-500:]}"
        if self.computed > SLOW:
            yield f"took {self.computed:.0f} s"
        if self.memory > LARGE:
            yield f"{self.memory / 1e6:.1f} GB"


def preload() -> None:
    """Import every command once, in the parent, and what a command line needs beside them."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    from unitscope.cli.app import app
    from unitscope.cli.lazy import load_all

    load_all()
    torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])  # the first one takes a second of imports
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        app(["info", "--help"])
    platform.processor()  # asks another program, once
    gc.collect()
    gc.freeze()  # a child that collects what is the parent's would copy all of its memory


def run(
    words: list[str],
    folder: Path,
    before: Callable[[], None] = lambda: None,
    kill: tuple[int, float] | None = None,
    longest: float = LONGEST,
    output: Path | None = None,
    cold: bool = False,
) -> Done:
    """A command in a folder. ``before`` is done in its process; ``kill`` is a signal and when it comes, in seconds.

    A ``cold`` one begins with Python itself, as a user's does; ``before`` is not done.
    """
    output = output or folder.with_name(f"{folder.name}.said")
    begun = time.perf_counter()
    signal.pthread_sigmask(signal.SIG_BLOCK, MEANT)
    child = os.fork()
    if not child:
        _be(words, folder, output, before, cold)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, MEANT)
    if kill is not None:
        time.sleep(kill[1])
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, kill[0])
    status, used = _wait(child, begun + longest)
    seconds = time.perf_counter() - begun
    grown = used.ru_maxrss - resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Done(status, output.read_text(errors="replace"), seconds, used.ru_utime + used.ru_stime, grown)


def _wait(child: int, until: float) -> tuple[int, resource.struct_rusage]:
    while True:
        ended, status, used = os.wait4(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), used
        if time.perf_counter() > until:
            os.kill(child, signal.SIGKILL)
            return -signal.SIGALRM, os.wait4(child, 0)[2]
        time.sleep(0.002)


def _be(words: list[str], folder: Path, output: Path, before: Callable[[], None], cold: bool) -> None:
    """Become the command; never returns."""
    status = 99
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, handle in ((0, nothing), (1, file), (2, file)):
            os.dup2(handle, number)
        os.chdir(folder)
        os.environ["UNITSCOPE_SETTINGS"] = str(folder / "settings")
        sys.argv = ["unitscope", "--threads", "1", *words]
        if cold:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, MEANT)
            os.execv(sys.executable, [sys.executable, "-m", *sys.argv])
        _only(words[0])
        before()
        from unitscope.cli import main

        inner = main._run

        def meant() -> None:
            """Signals come to the command, and neither to what makes its process nor to what ends it."""
            signal.pthread_sigmask(signal.SIG_UNBLOCK, MEANT)
            try:
                inner()
            finally:
                signal.pthread_sigmask(signal.SIG_BLOCK, MEANT)

        main._run = meant
        try:
            main.run()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # a traceback is what is looked for
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _only(command: str) -> None:
    """Leave only one command in the app, as if it had been called alone: making them all takes half a second."""
    from unitscope.cli.app import app

    def name(said: Any) -> str:
        return said.name or said.callback.__name__.replace("_", "-")

    app.registered_commands = [known for known in app.registered_commands if name(known) == command]
    app.registered_groups = [known for known in app.registered_groups if known.name == command]


def changing(happens: Callable[[int], None]) -> Callable[[], None]:
    """What to do before a command so that ``happens`` is told the number of each change that it makes on the disk."""

    def begin() -> None:
        count, parent = 0, os.getpid()

        def hook(event: str, details: tuple[object, ...]) -> None:
            nonlocal count
            opened = event == "open" and isinstance(details[2], int) and details[2] & WRITES
            if (opened or event in CHANGES) and os.getpid() == parent:
                if opened and str(details[0]).startswith("/dev/"):
                    return
                count += 1
                happens(count)

        sys.addaudithook(hook)

    return begin


def die_at(instant: int) -> Callable[[], None]:
    """The process is killed before the change of this number."""
    return changing(lambda count: os.kill(os.getpid(), signal.SIGKILL) if count == instant else None)


def refuse_from(instant: int) -> Callable[[], None]:
    """The disk is full from the change of this number on; what makes room still works."""

    def happens(count: int) -> None:
        if count >= instant and sys._getframe(2).f_code.co_name not in ("remove", "unlink", "_rmtree_safe_fd"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return changing(happens)


def content(folder: Path) -> dict[str, str]:
    """Digest of every file of a folder, and of those in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
