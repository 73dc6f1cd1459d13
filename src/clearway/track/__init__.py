"""Sightings in, passages out: who is who across frames, and many readings become one plate. Pure: no I/O, clock or dice."""
