"""Sightings in, passages out: who is who across frames, and many readings of one plate become one. Pure: no I/O, clock or dice."""
