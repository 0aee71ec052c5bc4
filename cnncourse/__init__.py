"""A course on convolutional neural networks, as a package.

Each part of the book is a sub-package and each chapter a module of the same name:
`cnncourse.layers.convolution` belongs to the chapter `book/layers/convolution.md`.
"""

__version__ = "0.1.0"
