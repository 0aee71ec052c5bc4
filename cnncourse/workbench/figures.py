"""One look for all figures: readable in light and dark, and described in words for those who cannot see them.

Text and lines take the colour of the surrounding page (`currentColor`), so a figure follows the reader's
theme on the website and in JupyterLab. This is the only module that imports matplotlib.
"""

from __future__ import annotations

import base64
import html
import io
import re
from typing import Any

import matplotlib as mpl
import torch
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

# Each has a contrast of at least 3:1 against white and against the dark theme's background.
PALETTE = {
    "blue": "#3b82d6",
    "orange": "#d9730d",
    "green": "#2e9e5b",
    "red": "#d94f4f",
    "purple": "#9b6dd6",
    "teal": "#1a9aa8",
    "grey": "#808080",
}
_INK = "#0b0c0d"  # stands for the page's text colour until the figure is written
_STYLE: dict[str, Any] = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "axes.titlesize": "medium",
    "axes.facecolor": "none",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.prop_cycle": cycler(color=list(PALETTE.values())),
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "font.family": "sans-serif",
    "font.size": 11.0,
    "hatch.color": _INK,
    "image.cmap": "gray",
    "image.interpolation": "none",  # embed the pixels as they are; the page does not smooth them
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "cnncourse",
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}
_EMBEDDED = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
_LOSSLESS_BYTES = 8_000  # below, every pixel stays as it is: these are the small maps that a reader counts
_QUALITY = 82
_FILE_NAME = re.compile(r"\.(png|svg|jpe?g|gif|py|md)\b", re.IGNORECASE)


class DescribedFigure:
    """A figure together with its words; notebooks and the website show it as inline SVG."""

    def __init__(self, svg: str, alt: str, caption: str) -> None:
        self.svg, self.alt, self.caption = svg, alt, caption

    def _repr_html_(self) -> str:
        text = f"<figcaption>{html.escape(self.caption)}</figcaption>" if self.caption else ""
        return f'<figure class="cnn-figure">{self.svg}{text}</figure>'


def subplots(
    rows: int = 1, columns: int = 1, width: float = 7.0, height: float = 3.0, **options: Any
) -> tuple[Figure, NDArray[Any]]:
    """Make a figure of `rows` × `columns` axes in the course's style; sizes are in inches.

    The axes are always an array of shape (rows, columns).
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height))
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes


def show(figure: Figure, alt: str, caption: str = "") -> DescribedFigure:
    """Return a figure ready to be displayed as the last line of a cell.

    Parameters
    ----------
    figure
        What `subplots` made.
    alt
        What the figure shows, in a sentence or two, for a reader who cannot see it.
    caption
        The point that it makes, for everyone.

    Raises
    ------
    ValueError
        If the alternative text does not describe anything.
    """
    return DescribedFigure(_to_svg(figure, described(alt)), alt, caption)


def described(alt: str) -> str:
    """Return `alt` if it is a description, and raise `ValueError` if it is a stopgap."""
    if len(alt.split()) < 5:
        raise ValueError(f"alt={alt!r} is too short; say in at least five words what the figure shows")
    if _FILE_NAME.search(alt) or alt.lower().startswith(("plot", "figure", "image of")):
        raise ValueError(f"alt={alt!r} names a file or a kind of figure; say what can be seen in it")
    return alt


def show_image(axes: Axes, image: Tensor, title: str = "", **options: Any) -> None:
    """Draw an image (H, W), (1, H, W) or (3, H, W) without ticks; colours are expected in [0, 1]."""
    pixels = image.detach().cpu().float()
    if pixels.dim() not in (2, 3) or (pixels.dim() == 3 and pixels.shape[0] not in (1, 3)):
        raise ValueError(f"cannot draw an image of shape {tuple(image.shape)}; expected (H, W), (1, H, W) or (3, H, W)")
    if pixels.dim() == 3:
        pixels = pixels[0] if pixels.shape[0] == 1 else pixels.permute(1, 2, 0).clamp(0, 1)
    with mpl.rc_context(_STYLE):
        axes.imshow(pixels.numpy(), **options)
    bare(axes, title)


def show_signed(axes: Axes, values: Tensor, title: str = "", limit: float | None = None) -> Any:
    """Draw a map (H, W) with signs: red is positive, blue negative, pale zero. Returns the drawn image."""
    top = float(values.abs().max()) if limit is None else limit
    drawn = axes.imshow(values.detach().cpu().float().numpy(), cmap="RdBu_r", vmin=-top or -1, vmax=top or 1)
    bare(axes, title)
    return drawn


def legend(axes: Axes, **options: Any) -> None:
    """Name the lines of `axes` that carry a label, without a box, readable in light and dark."""
    with mpl.rc_context(_STYLE):
        axes.legend(**options)


def bare(axes: Axes, title: str = "") -> None:
    """Take ticks and frame away, and set a title."""
    with mpl.rc_context(_STYLE):
        axes.set_title(title)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def cell_grid(
    axes: Axes,
    height: int,
    width: int,
    colour: str = "blue",
    filled: Tensor | None = None,
    labels: Tensor | None = None,
    title: str = "",
) -> None:
    """Draw a grid of cells; `filled` (height, width) in [0, 1] shades them, `labels` writes numbers in."""
    from matplotlib.patches import Rectangle

    strength = torch.zeros(height, width) if filled is None else filled.float()
    for row in range(height):
        for column in range(width):
            face = (*mpl.colors.to_rgb(PALETTE[colour]), 0.75 * float(strength[row, column]))
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=face, edgecolor=_INK, linewidth=0.7))
            if labels is not None:
                text = f"{float(labels[row, column]):g}"
                axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=_INK)
    axes.set(xlim=(-0.1, width + 0.1), ylim=(height + 0.1, -0.1), aspect="equal")
    bare(axes, title)


def _to_svg(figure: Figure, alt: str) -> str:
    buffer = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    width, height = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg).groups()  # type: ignore[union-attr]
    opening = (
        f'<svg role="img" aria-label="{html.escape(alt)}" style="max-width:{float(width) * 4 / 3:.0f}px" '
        f'viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    return opening + _EMBEDDED.sub(lambda found: _as_webp(base64.b64decode(found[1])), svg[svg.index(">") + 1 :])


def _as_webp(png: bytes) -> str:
    """Address of an embedded picture as WebP: exact where that is small, else (photographs) an eighth of the bytes."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png))
    exact, close = io.BytesIO(), io.BytesIO()
    picture.save(exact, "webp", lossless=True, method=6)
    picture.save(close, "webp", quality=_QUALITY, method=6)
    chosen = exact if exact.tell() <= max(_LOSSLESS_BYTES, close.tell()) else close
    return "data:image/webp;base64," + base64.b64encode(chosen.getvalue()).decode()
