"""A kernel walks over the padded input, and the output fills.

Chapter: `layers/stride_arithmetic`.
"""

from __future__ import annotations

import traitlets

from cnncourse.layers import stride_arithmetic
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import PALETTE, DescribedFigure

_CELL = 24


class StrideArithmetic(Widget, stem="stride_arithmetic"):
    """The arithmetic of sizes to touch; `output_size` follows the controls.

    Parameters
    ----------
    input_size, kernel_size, stride, padding, dilation, ceil_mode
        As in `cnncourse.layers.stride_arithmetic.output_size`, for both axes, within what can be drawn.
    position
        The output that the kernel stands on, counted row by row from 0.
    """

    input_size = traitlets.Int(7, min=1, max=12).tag(sync=True)
    kernel_size = traitlets.Int(3, min=1, max=6).tag(sync=True)
    stride = traitlets.Int(1, min=1, max=5).tag(sync=True)
    padding = traitlets.Int(0, min=0, max=3).tag(sync=True)
    dilation = traitlets.Int(1, min=1, max=3).tag(sync=True)
    ceil_mode = traitlets.Bool(False).tag(sync=True)
    position = traitlets.Int(0, min=0).tag(sync=True)

    @property
    def output_size(self) -> int:
        """Positions along each axis, by the chapter's own module; it raises `ValueError` if the kernel does not fit."""
        return stride_arithmetic.output_size(
            self.input_size, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )

    def still(self) -> DescribedFigure:
        """The padded input with the kernel on it, and the output."""
        size = self._size_or_zero()
        padded = self.input_size + 2 * self.padding
        reach = stride_arithmetic.effective_kernel_size(self.kernel_size, self.dilation)
        row, column = divmod(min(self.position, size * size - 1), size) if size else (0, 0)
        extent = max(padded, row * self.stride + reach, column * self.stride + reach)
        right = extent + 2
        squares = [
            _square(x, y, "currentColor", 0.1 if self._inside(x) and self._inside(y) else 0.0)
            for y in range(padded)
            for x in range(padded)
        ]
        squares += [
            _square(column * self.stride + dx, row * self.stride + dy, PALETTE["orange"], 0.5)
            for dy in range(0, reach, self.dilation)
            for dx in range(0, reach, self.dilation)
        ]
        squares += [
            _square(right + x, y, PALETTE["orange" if (y, x) == (row, column) else "blue"], 0.5)
            for y in range(size)
            for x in range(size)
        ]
        width, height = (right + max(size, 1)) * _CELL, max(extent, size) * _CELL
        alt = (
            f"An input of {self.input_size} by {self.input_size} pixels, padded by {self.padding}, with a kernel of "
            f"{self.kernel_size} by {self.kernel_size} on it, and beside it "
            + (f"an output of {size} by {size}." if size else "no output, because the kernel does not fit.")
        )
        svg = (
            f'<svg role="img" aria-label="{alt}" style="max-width:{width}px" viewBox="-1 -1 {width + 2} {height + 2}" '
            f'xmlns="http://www.w3.org/2000/svg">{"".join(squares)}</svg>'
        )
        caption = "The kernel (orange) reads its window and writes one output."
        return DescribedFigure(svg, alt, caption)

    def _inside(self, index: int) -> bool:
        return index in range(self.padding, self.padding + self.input_size)

    def _size_or_zero(self) -> int:
        try:
            return self.output_size
        except ValueError:
            return 0


def _square(x: int, y: int, colour: str, strength: float) -> str:
    place = f'x="{x * _CELL + 1}" y="{y * _CELL + 1}" width="{_CELL - 2}" height="{_CELL - 2}" rx="3"'
    return f'<rect {place} fill="{colour}" fill-opacity="{strength}" stroke="{colour}" stroke-opacity="0.6"/>'
