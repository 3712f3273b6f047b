"""Trained models come in: arrays and networks of PyTorch, scikit-learn and ONNX as an `nn.MLP`.

Each reader writes down what it finds as a `Chain` of weights, scalings and activations, and names the first part that
cannot come in. Only a complete chain becomes a network.
"""

from .arrays import from_arrays as from_arrays
from .onnx import from_onnx as from_onnx
from .sklearn import from_sklearn as from_sklearn
from .torch import from_torch as from_torch
