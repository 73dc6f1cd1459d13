"""A frame in, sightings out: find what is there, read its plate. `look` is the way in; detectors and readers are plug-ins."""
