"""Neural networks built from scalars: neurons, layers, losses, optimizers, data and training."""
