"""The program beside the camera: frames in, sealed exhibits out, everything else forgotten. Begin with `pipeline.py`."""
