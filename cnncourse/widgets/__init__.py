"""Pictures that can be touched, each with two lives: with Python behind it in JupyterLab, alone on the website.

A widget is one ES module, `<topic>.mjs`, and one class beside it, `<topic>.py`, whose traits are its whole state.
This is the only part of the package that knows notebooks, and the last one that may be imported.
"""

from cnncourse.widgets.architecture import Architecture
from cnncourse.widgets.backpropagation import Backpropagation
from cnncourse.widgets.base import Widget, link
from cnncourse.widgets.boxes import Boxes
from cnncourse.widgets.connectivity import Connectivity
from cnncourse.widgets.convolution import Convolution
from cnncourse.widgets.googlenet import Googlenet
from cnncourse.widgets.ilsvrc import Ilsvrc
from cnncourse.widgets.lenet import Lenet
from cnncourse.widgets.live_network import LiveNetwork
from cnncourse.widgets.pooling import Pooling
from cnncourse.widgets.rcnn import Rcnn
from cnncourse.widgets.receptive_field import ReceptiveField
from cnncourse.widgets.resnet import Resnet
from cnncourse.widgets.stride_arithmetic import StrideArithmetic
from cnncourse.widgets.vgg import Vgg
from cnncourse.widgets.yolo import Yolo

__all__ = [
    "Architecture",
    "Backpropagation",
    "Boxes",
    "Connectivity",
    "Convolution",
    "Googlenet",
    "Ilsvrc",
    "Lenet",
    "LiveNetwork",
    "Pooling",
    "Rcnn",
    "ReceptiveField",
    "Resnet",
    "StrideArithmetic",
    "Vgg",
    "Widget",
    "Yolo",
    "link",
]
