"""Paints a Vega-Lite specification as SVG, in a process of its own: a renderer that meets what it cannot draw ends its
process, and that is not to be the one that answers everybody."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import IO

import orjson


class Undrawable(Exception):
    """The renderer has failed at this picture; there are the rows, and the page that a browser draws."""


class Painter:
    """The process, begun with the first picture, and again after it has ended. One picture at a time: the renderer is
    one JavaScript engine."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._painting = threading.Lock()

    def paint(self, specification: dict[str, object]) -> bytes:
        """Raises Undrawable."""
        with self._painting:
            self._process = process = self._process or begun()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(orjson.dumps(specification) + b"\n")
                process.stdin.flush()
                answer = process.stdout.readline()
            except BrokenPipeError:
                answer = b""
            if not answer:
                self._end()
                raise Undrawable
        painted: str | None = orjson.loads(answer)
        if painted is None:
            raise Undrawable
        return painted.encode()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def begun() -> subprocess.Popen[bytes]:
    """What it says when it fails may be of the data, so nobody hears it. It ends when nobody speaks to it any more."""
    return subprocess.Popen(  # noqa: S603  # ourselves
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


PAINTER = Painter()


def paint(asked: IO[bytes], told: IO[bytes]) -> None:
    """A specification a line, and a picture a line: JSON both, null for what cannot be drawn."""
    import vl_convert  # takes its time to load, and is needed nowhere else

    for line in asked:
        try:
            picture = vl_convert.vegalite_to_svg(orjson.loads(line))
        except ValueError:
            picture = None
        told.write(orjson.dumps(picture) + b"\n")
        told.flush()


if __name__ == "__main__":
    paint(sys.stdin.buffer, sys.stdout.buffer)
