"""Part II of the course, Models: every network of the lecture, to build, to count and to train."""

from cnncourse.models.alexnet import AlexNet, ZFNet
from cnncourse.models.catalogue import NETWORKS, build, native_size
from cnncourse.models.counting import multiply_adds_of, parameters, parameters_of
from cnncourse.models.googlenet import GoogLeNet, GoogLeNetOutputs, Inception, NaiveInception
from cnncourse.models.imagenet import top_k_error, top_k_hits, wilson_interval
from cnncourse.models.layer_table import Layer, LayerTable, layer_table
from cnncourse.models.lenet import LeNet, LeNet5
from cnncourse.models.network import Network, activations
from cnncourse.models.page_format import write_network
from cnncourse.models.paths import path_lengths, path_lengths_of
from cnncourse.models.pretrained import CHECKPOINTS, Checkpoint, Preprocessing, checkpoint, load
from cnncourse.models.propagation import (
    gradient_agreement,
    gradient_norms,
    residual_variances,
    without_normalization,
)
from cnncourse.models.resnet import BasicBlock, Bottleneck, ResNet, cifar_resnet, resnet
from cnncourse.models.squeezenet import Fire, SqueezeNet
from cnncourse.models.vgg import VGG, vgg_small

__all__ = [
    "CHECKPOINTS",
    "NETWORKS",
    "VGG",
    "AlexNet",
    "BasicBlock",
    "Bottleneck",
    "Checkpoint",
    "Fire",
    "GoogLeNet",
    "GoogLeNetOutputs",
    "Inception",
    "Layer",
    "LayerTable",
    "LeNet",
    "LeNet5",
    "NaiveInception",
    "Network",
    "Preprocessing",
    "ResNet",
    "SqueezeNet",
    "ZFNet",
    "activations",
    "build",
    "checkpoint",
    "cifar_resnet",
    "gradient_agreement",
    "gradient_norms",
    "layer_table",
    "load",
    "multiply_adds_of",
    "native_size",
    "parameters",
    "parameters_of",
    "path_lengths",
    "path_lengths_of",
    "residual_variances",
    "resnet",
    "top_k_error",
    "top_k_hits",
    "vgg_small",
    "wilson_interval",
    "without_normalization",
    "write_network",
]
