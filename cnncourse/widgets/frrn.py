"""The two streams of a full-resolution residual network, unit by unit: size, channels, bytes, maps of a trained one.

Chapter: `applications/frrn`.
"""

from __future__ import annotations

import math
from functools import cache

import torch
import traitlets
from torch import Tensor

from cnncourse.applications.frrn.network import FRRN, STAGES
from cnncourse.applications.frrn.streams import Row, stream_table
from cnncourse.applications.frrn.train import SIDE, trained
from cnncourse.data import scene_sets
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import PALETTE, DescribedFigure, legend, show, subplots

_SCENE = 3  # of the test scenes
_LANES = {"A": 32, "B": 32, "narrow": 8}
_INKS = (
    (64, 64, 64), (59, 130, 214), (217, 115, 13), (46, 158, 91), (217, 79, 79), (155, 109, 214), (26, 154, 168),
)  # fmt: skip


class Frrn(Widget, stem="frrn"):
    """A network, a picture's size and a width to choose, and a unit to look behind; `rows` and `words` follow.

    Parameters
    ----------
    plan
        ``"A"``, ``"B"``, or ``"narrow"``, the network that the course has trained.
    side
        Pixels of a side of the picture.
    base
        Channels of the first layer.
    place
        0: where the streams part; then the units from 1.
    """

    plan = traitlets.Enum(["A", "B", "narrow"], default_value="narrow").tag(sync=True)
    side = traitlets.Int(256, min=8, max=1024).tag(sync=True)
    base = traitlets.Int(48, min=4, max=64).tag(sync=True)
    place = traitlets.Int(0, min=0).tag(sync=True)
    stages = traitlets.Dict(read_only=True).tag(sync=True)
    lanes = traitlets.Dict(read_only=True).tag(sync=True)
    maps = traitlets.Bytes(read_only=True).tag(sync=True)
    pictures = traitlets.Bytes(read_only=True).tag(sync=True)
    map_side = traitlets.Int(SIDE, read_only=True).tag(sync=True)

    @traitlets.default("stages")
    def _units_of_plans(self) -> dict[str, list[list[int]]]:
        return {
            name: [[stage.width, stage.factor] for stage in plan for _ in range(stage.units)]
            for name, plan in STAGES.items()
        }

    @traitlets.default("lanes")
    def _lanes_of_plans(self) -> dict[str, int]:
        return dict(_LANES)

    @traitlets.default("maps")
    def _drawn_maps(self) -> bytes:
        return _trained_pictures()[0]

    @traitlets.default("pictures")
    def _drawn_pictures(self) -> bytes:
        return _trained_pictures()[1]

    @property
    def rows(self) -> list[Row]:
        """Both streams behind each unit, in float32."""
        network = FRRN(self.plan, base=self.base, lanes=_LANES[self.plan], device="meta")
        return stream_table(network, (self.side, self.side))

    @property
    def words(self) -> str:
        """What the widget says of the chosen place."""
        rows = self.rows
        place = min(self.place, len(rows) - 1)
        row = rows[place]
        padded = -(-self.side // max(one.factor for one in rows)) * max(one.factor for one in rows)
        small = padded // row.factor
        where = "Where the streams part" if place == 0 else f"Behind unit {place} of {len(rows) - 1}"
        pooling, residual = (
            sum(getattr(one, name) for one in rows[1:]) for name in ("pooling_bytes", "residual_bytes")
        )
        note = "" if padded == self.side else f" The picture is padded to {padded}×{padded}."
        return (
            f"{where}: the pooling stream has {row.pooling_channels} channels of {small}×{small}, "
            f"{_mebibytes(row.pooling_bytes)}; the residual stream {row.residual_channels} channels of "
            f"{padded}×{padded}, {_mebibytes(row.residual_bytes)}. All units together: {_mebibytes(pooling)} and "
            f"{_mebibytes(residual)}.{note}"
        )

    def still(self) -> DescribedFigure:
        """Bytes of both streams, unit by unit."""
        rows = self.rows
        figure, axes = subplots(1, 1, width=6.6, height=2.8)
        places = torch.arange(len(rows))
        for shift, name, colour in ((-0.2, "pooling", "blue"), (0.2, "residual", "orange")):
            values = [getattr(row, f"{name}_bytes") / 2**20 for row in rows]
            axes[0, 0].bar(places + shift, values, 0.4, color=PALETTE[colour], label=f"{name} stream")
        axes[0, 0].set(xlabel="unit", ylabel="MiB")
        legend(axes[0, 0], fontsize="small")
        return show(
            figure,
            alt=f"Bars of both streams for each unit. {self.words}",
            caption="Memory of the two streams. With JavaScript you can choose network, size and unit here.",
        )


def _mebibytes(number: int) -> str:
    hundredths = math.floor(number * 100 / 2**20 + 0.5)
    return f"{hundredths // 100}.{hundredths % 100:02d} MiB"


@cache
def _trained_pictures() -> tuple[bytes, bytes]:
    """Maps of the trained network behind each unit, pooling then residual; and scene, truth and answer in colours."""
    network, scenes = trained(), scene_sets.load("test", 24, SIDE)
    images, truth = scenes.for_segmentation().batch(torch.tensor([_SCENE]))
    with torch.no_grad():
        maps = [_grey(stream) for one in network.streams(images) for stream in (one.pooling[0], one.residual[0])]
        answer = network(images).argmax(dim=1)
    inks = torch.tensor(_INKS, dtype=torch.uint8)
    shown = [scenes.images[_SCENE].permute(1, 2, 0), inks[truth[0]], inks[answer[0]]]
    return bytes(torch.cat([one.flatten() for one in maps]).tolist()), bytes(
        torch.cat([one.flatten() for one in shown]).tolist()
    )


def _grey(stream: Tensor) -> Tensor:
    """The channel that varies most, as grey values."""
    chosen = stream[stream.flatten(1).std(dim=1).argmax()]
    low, high = chosen.min(), chosen.max()
    return ((chosen - low) / (high - low).clamp(min=1e-6) * 255).round().to(torch.uint8)
