"""Does it look at the dog or at the grass? Cover one part of the picture after the other, and ask the network again.

p(y, x) = probability of the true class with the occluder at (y, x)    (Zeiler & Fergus 2014, section 4.2, figure 7)

Chapter: `visualization/occlusion`.
"""

from cnncourse.visualization.occlusion.answers import METHODS, Occlusion, occlusion_map
from cnncourse.visualization.occlusion.exact import Savings, savings
from cnncourse.visualization.occlusion.panels import Panels, four_panels, strongest_map
from cnncourse.visualization.occlusion.reach import changed, changed_through, read
from cnncourse.visualization.occlusion.sliding import occlude, places

__all__ = [
    "METHODS",
    "Occlusion",
    "Panels",
    "Savings",
    "changed",
    "changed_through",
    "four_panels",
    "occlude",
    "occlusion_map",
    "places",
    "read",
    "savings",
    "strongest_map",
]
