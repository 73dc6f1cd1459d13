"""What made the weights that the package carries. Never imported by the package."""
