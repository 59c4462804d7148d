"""The rules of the model as compiled functions. See docs/kernels.md for the arguments that all of them share."""
