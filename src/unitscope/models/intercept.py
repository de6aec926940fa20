"""Another ``forward`` for one module while it is read, wherever the stock one is called from.

Where a class has the stock ``forward``, the instance is given another. Where it has one of its own, which calls the
stock one by ``super()`` or by name, there is nothing to give the instance: the stock class asks for each call whether
it comes from a module that is being read. The instance and the class are afterwards as they were.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import nn

Forward = Callable[..., Any]

_lock = threading.RLock()
_stock: dict[type[nn.Module], Forward] = {}
"""The forward of each class that asks at the moment."""
_read: dict[int, list[Forward]] = {}
"""What stands in for the stock forward, by the identity of the module."""


@contextmanager
def replaced(module: nn.Module, forward: Forward) -> Iterator[None]:
    """Another ``forward`` of this instance; its hooks run as ever, and its weights are not touched."""
    name = _forward_of(module)
    own = module.__dict__.get(name)
    module.__dict__[name] = forward
    try:
        yield
    finally:
        if own is None:
            del module.__dict__[name]
        else:
            module.__dict__[name] = own


def _forward_of(module: nn.Module) -> str:
    """The name under which the forward stands; accelerate's own comes before it where weights are offloaded."""
    return "_old_forward" if "_old_forward" in module.__dict__ else "forward"


@contextmanager
def intercepted(module: nn.Module, kind: type[nn.Module], make: Callable[[Forward], Forward]) -> Iterator[None]:
    """While open, ``make`` of the stock forward runs in its place. ``kind`` is the stock class of the module."""
    if type(module).forward is kind.forward:
        with replaced(module, make(getattr(module, _forward_of(module)))):
            yield
        return
    with _lock:
        if kind not in _stock:
            _stock[kind] = kind.forward
            kind.forward = _asking(kind)
        stack = _read.setdefault(id(module), [])
        stack.append(make(stack[-1] if stack else partial(_stock[kind], module)))
    try:
        yield
    finally:
        with _lock:
            _read[id(module)].pop()
            if not _read[id(module)]:
                del _read[id(module)]
            if not _read:
                for known, forward in _stock.items():
                    known.forward = forward
                _stock.clear()


def _asking(kind: type[nn.Module]) -> Forward:
    stock = _stock[kind]

    def forward(self: nn.Module, *args: Any, **named: Any) -> Any:
        standing_in = _read.get(id(self))
        return standing_in[-1](*args, **named) if standing_in else stock(self, *args, **named)

    return forward


def stock_class(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> type[nn.Module] | None:
    """The one of these classes that the module's class is, or derives from."""
    return next((kind for kind in kinds if isinstance(module, kind)), None)
