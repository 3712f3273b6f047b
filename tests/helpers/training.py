"""Optimizers, with every setting used somewhere, and one of a user's own."""

import numpy as np

import nn

OPTIMIZERS = {
    "sgd": lambda p: nn.SGD(p, 0.3, weight_decay=0.01),
    "momentum": lambda p: nn.SGD(p, 0.1, momentum=0.9, clip_value=0.02),
    "adagrad": lambda p: nn.AdaGrad(p, 0.1, weight_decay=0.01),
    "rmsprop": lambda p: nn.RMSprop(p, 0.01),
    "adam": lambda p: nn.Adam(p, 0.05, clip_norm=0.1),
}


class Signs(nn.Optimizer):
    """Moves by the sign of the gradient, and remembers nothing."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, lr, {})

    @staticmethod
    def rule(p, g, state, lr, step):
        return p - lr * np.sign(g), state
