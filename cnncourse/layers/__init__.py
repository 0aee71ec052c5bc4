"""Part I of the course, Layers: what a convolutional layer does, computed and shown equal to torch."""
