"""Plate → Record: the hot list and the register, both answered from signed lists on this machine.

    CSV → lists (bounded reading, faults by line, signing) → hotlist | register → match → desk → Record

A question is answered from memory. It is never sent, written or counted by plate.
"""
