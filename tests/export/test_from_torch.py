"""A network of PyTorch's comes in with its outputs."""

import copy
import warnings

import numpy as np
import pytest
from coming_in import agree, explained

import nn

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def trained(*layers):
    """A Sequential in float64 whose batch normalizations have statistics and weights of their own."""
    module = torch.nn.Sequential(*layers).double()
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm1d) and layer.running_mean is not None:
            layer.running_mean.normal_(), layer.running_var.uniform_(0.5, 2.0)
            if layer.affine:
                torch.nn.init.normal_(layer.weight), torch.nn.init.normal_(layer.bias)
    return module.eval()


def comes_in(module, width=3):
    X = np.random.default_rng(1).normal(size=(12, width)) * 3
    X[0] = [-0.9, 0.4, 1.3][:width]
    with torch.no_grad():
        expected = module(torch.from_numpy(X)).numpy()
    model = nn.from_torch(module)
    agree(model, X, expected)
    return model


L, B = torch.nn.Linear, torch.nn.BatchNorm1d

ACTIVATIONS = [
    torch.nn.CELU(1.3), torch.nn.ELU(0.7), torch.nn.GELU(), torch.nn.GELU("tanh"), torch.nn.Hardshrink(0.4),
    torch.nn.Hardsigmoid(), torch.nn.Hardswish(), torch.nn.Hardtanh(-0.5, 2.0), torch.nn.Identity(),
    torch.nn.LeakyReLU(0.2), torch.nn.LeakyReLU(-0.1), torch.nn.LogSigmoid(),
    torch.nn.LogSoftmax(1), torch.nn.Mish(), torch.nn.PReLU(),
    torch.nn.ReLU(), torch.nn.ReLU6(), torch.nn.SELU(), torch.nn.SiLU(), torch.nn.Sigmoid(), torch.nn.Softmax(1),
    torch.nn.Softmax(-1), torch.nn.Softplus(), torch.nn.Softplus(2.0, 1.0), torch.nn.Softshrink(0.3),
    torch.nn.Softsign(), torch.nn.Tanh(), torch.nn.Tanhshrink(), torch.nn.Threshold(0.1, -0.2),
]  # fmt: skip


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_every_activation(activation):
    comes_in(trained(L(3, 4), copy.deepcopy(activation), L(4, 2), copy.deepcopy(activation)))


@pytest.mark.parametrize(
    ("layers", "sizes"),
    [
        ([L(3, 4), torch.nn.Dropout(0.5), torch.nn.ReLU(), L(4, 1)], [3, 4, 1]),
        ([torch.nn.Flatten(), L(3, 4, bias=False), torch.nn.Tanh(), L(4, 2)], [3, 4, 2]),
        ([L(3, 4), L(4, 2)], [3, 4, 2]),
        ([torch.nn.Sequential(L(3, 4), torch.nn.Sequential(torch.nn.ReLU())), L(4, 2)], [3, 4, 2]),
        # batch normalization: after weights, before weights, twice, without weights of its own, where no weights are
        ([L(3, 4), B(4), torch.nn.ReLU(), L(4, 2)], [3, 4, 2]),
        ([B(3), L(3, 4), torch.nn.ReLU(), B(4), L(4, 2, bias=False)], [3, 4, 2]),
        ([L(3, 4, bias=False), B(4), B(4, affine=False), torch.nn.ReLU(), L(4, 2)], [3, 4, 2]),
        ([L(3, 4), torch.nn.ReLU(), B(4)], [3, 4, 4]),
        ([B(3), torch.nn.Tanh(), L(3, 2)], [3, 3, 2]),
        ([L(3, 4), torch.nn.ReLU(), B(4), torch.nn.Tanh(), L(4, 2)], [3, 4, 4, 2]),
        # activations in a row
        ([L(3, 4), torch.nn.ReLU(), torch.nn.Tanh(), L(4, 2), torch.nn.Tanh(), torch.nn.Softmax(1)], [3, 4, 2, 2]),
    ],
    ids=range(11),
)
def test_networks(layers, sizes):
    model = comes_in(trained(*layers))
    assert model.sizes == sizes
    explained(model, [0.3, -0.5, 0.8])


def test_a_layer_alone_and_narrow_numbers():
    half = torch.nn.Linear(3, 2).to(torch.float16)
    assert nn.from_torch(half).layers[0].neurons[0].weights[0].data == half.weight[0, 0].item()
    module = torch.nn.Sequential(L(3, 2))  # float32: widened, every bit of it
    agree(nn.from_torch(module), np.eye(3), copy.deepcopy(module).double()(torch.eye(3).double()).detach().numpy())
    with pytest.raises(ValueError, match=r"layer that was given \(Conv1d"):
        nn.from_torch(torch.nn.Conv1d(1, 1, 1))


def test_it_is_a_copy():
    module = trained(L(2, 1))
    model = nn.from_torch(module)
    with torch.no_grad():
        module[0].weight.zero_()
    assert model.layers[0].neurons[0].weights[0].data != 0.0
    model.layers[0].neurons[0].weights[1].data = 5.0
    assert module[0].weight[0, 1] == 0.0


class Own(torch.nn.Module):
    def forward(self, x):
        return x


class Doubled(torch.nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Branching(torch.nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


def hooked():
    layer = L(3, 2)
    layer.register_forward_hook(lambda module, x, y: 2 * y)
    return layer


def nan():
    layer = L(3, 2)
    torch.nn.init.constant_(layer.bias, float("nan"))
    return layer


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([L(3, 2), Own()], "layer 1 (Own()) cannot come in: its forward() could do anything. What can: a Seq"),
        ([torch.nn.Conv2d(1, 2, 3)], "layer 0 (Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1))) cannot come in"),
        ([L(3, 2), torch.nn.LSTM(2, 2)], "layer 1 (LSTM(2, 2)) cannot come in"),
        ([Doubled(3, 2)], "layer 0 (Doubled(in_features=3, out_features=2, bias=True)) cannot come in: it has a"),
        ([hooked()], "it has a forward() or hooks of its own"),
        ([Branching(L(3, 3))], "layer 0 (Branching) cannot come in"),
        ([torch.nn.Sequential(L(3, 2), Own())], "layer 0.1 (Own()) cannot come in"),
        ([torch.nn.LazyLinear(2)], "it has a forward() or hooks of its own"),
        ([torch.nn.Linear(3, 2, device="meta")], "its numbers cannot be read"),
        ([L(3, 2, dtype=torch.complex64)], "its numbers are complex"),
        ([L(3, 2), L(3, 2)], "layer 1 (Linear(in_features=3, out_features=2, bias=True)) reads 3 numbers, and 2 come"),
        ([L(3, 2), B(3)], "scales 3 numbers, and 2 come out of what is before it"),
        ([L(3, 2), B(2, track_running_stats=False)], "it keeps no running statistics, so that it depends on the batch"),
        ([torch.nn.Flatten(0), L(3, 2)], "samples are vectors, and Flatten() makes them so"),
        ([L(3, 2), torch.nn.Softmax(0)], "its dim=0 does not run over the outputs of one sample"),
        ([L(3, 2), torch.nn.PReLU(2)], "it has a slope for each of 2 numbers"),
        ([torch.nn.ReLU(), L(3, 2)], "layer 0 (ReLU()) comes before the first weights"),
        ([L(3, 1), torch.nn.Softmax(1)], "softmax of one neuron is always 1"),
        ([torch.nn.Dropout()], "this Sequential has no weights"),
        ([nan()], "the biases of layer 0 (Linear(in_features=3, out_features=2, bias=True)) hold nan at 0"),
    ],
)  # fmt: skip
def test_the_first_layer_that_cannot_come_in_is_named(layers, message):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.nn.Sequential(*layers).eval()
    with pytest.raises(ValueError) as refused:
        nn.from_torch(module)
    assert message in str(refused.value)


@pytest.mark.parametrize("layer", [torch.nn.Dropout(0.3), B(2)])
def test_a_module_in_training_mode_is_refused(layer):
    with pytest.raises(ValueError, match=r"layer 1 .* is in training mode, .*: call module.eval\(\) first"):
        nn.from_torch(torch.nn.Sequential(L(3, 2), layer))


def test_what_is_no_module():
    with pytest.raises(TypeError, match=r"from_torch takes a torch.nn.Sequential, not dict"):
        nn.from_torch({})
