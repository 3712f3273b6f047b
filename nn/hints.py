"""Names that readers bring along from other libraries (PyTorch above all; Keras and scikit-learn)."""

from __future__ import annotations

_ACTIVATIONS = {
    "ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu", "GELU": "gelu", "SiLU": "silu", "Softplus": "softplus",
    "Tanh": "tanh", "Sigmoid": "sigmoid", "Softmax": "softmax", "Identity": "linear",
}  # fmt: skip

_TABLE = {
    **{f"{name} {activation}": f'give the layer activation="{activation}"'
       for name, activation in _ACTIVATIONS.items()},
    # layers
    "Linear Dense": 'use nn.Layer(nin, nout, activation="linear")',
    "Sequential": (
        "use nn.MLP(nin, [hidden, …, nout]), or a subclass of nn.Module whose __call__ goes through its layers; a "
        "trained Sequential of PyTorch comes in with nn.from_torch"
    ),
    "ModuleList ModuleDict ParameterList ParameterDict": (
        "keep a plain list or dict in an attribute of a nn.Module"
    ),
    "Model": "use a subclass of nn.Module",
    "Parameter Value": "use autograd.Value; the Values in the attributes of a nn.Module are its parameters",
    "Conv1d Conv2d Conv3d MaxPool2d AvgPool2d": (
        "there are no convolutions: flatten images with X.reshape(len(X), -1) for nn.MLP, or write the sums of "
        "products in a subclass of nn.Module"
    ),
    "Flatten": "flatten the samples before training: X.reshape(len(X), -1)",
    "Dropout": (
        "there is no dropout, since a model computes the same thing each time it is called; against overfitting give "
        "the optimizer weight_decay, or nn.fit early_stopping"
    ),
    "BatchNorm1d BatchNorm2d LayerNorm": "scale the samples before training: nn.datasets.Standardizer",
    "RNN LSTM GRU Embedding Transformer MultiheadAttention": (
        "this layer is not here: write it for one sample in a subclass of nn.Module"
    ),
    # losses
    "CrossEntropyLoss": "use nn.cross_entropy, a function of logits and a class",
    "MSELoss mean_squared_error": "use nn.mse_loss, which is ½(ŷ − y)²: half of PyTorch's",
    "L1Loss": "use nn.l1_loss",
    "HuberLoss SmoothL1Loss": "use nn.huber_loss",
    "NLLLoss": "use nn.nll_loss",
    "BCEWithLogitsLoss": "use nn.binary_cross_entropy, a function of logits",
    "BCELoss": "use nn.log_loss, or nn.binary_cross_entropy, a function of logits, after a linear output",
    "SoftMarginLoss": "use nn.logistic_loss",
    "HingeLoss HingeEmbeddingLoss": "use nn.hinge_loss",
    "LogSoftmax log_softmax": "leave it out: nn.cross_entropy takes logits",
    "functional F": "losses are functions in nn, such as nn.mse_loss; other functions are in autograd",
    # optimizers and training
    "optim": "optimizers are in nn itself: nn.SGD, nn.Adam, nn.AdaGrad, nn.RMSprop",
    "AdamW": "use nn.Adam with weight_decay, which is added to the gradient",
    "clip_grad_norm_": "use nn.clip_grad_norm, or give the optimizer clip_norm",
    "clip_grad_value_": "use nn.clip_grad_value, or give the optimizer clip_value",
    "utils": "use nn.clip_grad_norm and nn.clip_grad_value",
    "lr_scheduler LRScheduler StepLR ExponentialLR CosineAnnealingLR LambdaLR": (
        "give the optimizer a function of the step as its lr, such as nn.schedules.cosine"
    ),
    "init": 'give the layer init="xavier", "he", "uniform", "zeros" or a function',
    "DataLoader Dataset TensorDataset": "give arrays to nn.fit, whose batch_size cuts them into batches",
    "train Trainer": "use nn.fit",
    "train_test_split": "use nn.datasets.split",
    "StandardScaler": "use nn.datasets.Standardizer",
    "accuracy accuracy_score": "use nn.metrics.accuracy",
    "iris moons digits mnist load_iris make_moons load_digits": "data sets are in nn.datasets",
    "no_grad": "use autograd.no_grad",
}  # fmt: skip

HINTS = {name: text for names, text in _TABLE.items() for name in names.split()}
"""What `nn` says about each of these names: what to write instead."""
