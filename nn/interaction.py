"""The person before the screen while `nn.fit` works: Ctrl-C, and a progress bar."""

from __future__ import annotations

import signal
import sys
import threading
from importlib.util import find_spec
from typing import Any


class Interrupt:
    """Ctrl-C waits for the end of a batch; a second one does not. Only in the main thread, where signals arrive."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Interrupt:
        main = threading.current_thread() is threading.main_thread()
        self._ours = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._ours:
            signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number: int, frame: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def check(self) -> None:
        """Between two batches: act on a Ctrl-C."""
        if self.asked:
            raise KeyboardInterrupt

    def __exit__(self, *_: object) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def progress_bar(total: int, done: int, progress: bool) -> Any:
    """A progress bar over batches: tqdm's notebook form only where ipywidgets can draw it; none without tqdm."""
    try:
        if progress and _in_kernel() and find_spec("ipywidgets") is not None:
            from tqdm.notebook import tqdm
        else:
            from tqdm import tqdm
    except ImportError:
        return _NoBar()
    return tqdm(total=total, initial=done, disable=not progress, unit="batch")


class _NoBar:
    """What is asked of a bar, and nothing to see."""

    disable = True

    def __enter__(self) -> _NoBar:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def set_description(self, text: str, refresh: bool) -> None:
        pass

    def update(self, steps: int) -> None:
        pass


def _in_kernel() -> bool:
    """Whether a Jupyter kernel runs this process: that `ipykernel` was imported does not say so."""
    kernel = sys.modules.get("ipykernel.kernelapp")
    return kernel is not None and kernel.IPKernelApp.initialized()
