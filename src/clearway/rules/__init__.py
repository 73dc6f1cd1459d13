"""Passage, Record → Finding: one file a rule, none of them with I/O, clock or dice.

    wanted   the hot list names this vehicle
    papers   the register says that its registration had ended

A rule asks an officer a question. It accuses nobody on UNKNOWN.
"""
