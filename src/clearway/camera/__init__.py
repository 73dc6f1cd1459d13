"""A URL → Frame: clips, streams, devices and stills, each frame with its time; and pictures → clip, the way back.

PyAV lives here and nowhere else.
"""
