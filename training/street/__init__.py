"""The street detector: label, train, export, measure. Each stage is `python -m training.street.STAGE --help`."""
