"""Dense model in, sparse checkpoint and training report out; the training itself is interp.sparsify."""
