"""A world to test in: the simulated road with its truth, and a detector and a reader that know that truth.

These stand beside the real ones behind the same ports, so that a test of tracking, rules or forgetting can be about that alone.
"""
