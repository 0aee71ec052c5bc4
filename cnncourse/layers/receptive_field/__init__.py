"""What does one unit see? The region of the input that can reach it, found by recursion and measured by gradient.

r ← r + D(K − 1)j,  f ← f − Pj,  j ← Sj        (Araujo, Norris and Sim 2019)

Chapter: `layers/receptive_field`.
"""

from cnncourse.layers.receptive_field.analysis import Misalignment, ReceptiveFields, receptive_field
from cnncourse.layers.receptive_field.effective import EffectiveField, effective_receptive_field
from cnncourse.layers.receptive_field.field import ReceptiveField, field_size, fields_through, stack_weights
from cnncourse.layers.receptive_field.measured import MeasuredField, measured_receptive_field
from cnncourse.layers.receptive_field.published import PUBLISHED, geometry, published_size, skeleton

__all__ = [
    "PUBLISHED",
    "EffectiveField",
    "MeasuredField",
    "Misalignment",
    "ReceptiveField",
    "ReceptiveFields",
    "effective_receptive_field",
    "field_size",
    "fields_through",
    "geometry",
    "measured_receptive_field",
    "published_size",
    "receptive_field",
    "skeleton",
    "stack_weights",
]
