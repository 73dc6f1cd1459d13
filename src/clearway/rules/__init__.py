"""Passage, Record → Finding: one file a rule, none of them with I/O, clock or dice.

    wanted          the hot list names this vehicle
    papers          the register says that its registration had ended
    no_plate        it was seen well and showed none, where nearly all others did; a scene must ask for it by name

and, where the road in view was surveyed (docs/rules.md says what each needs, and when it says nothing):

    speed           it was faster than the limit on the measured stretch
    wrong_way       it drove against the direction
    red_light       it drove into a junction on red
    stop_line       it came to stand beyond its stop line on red
    bus_lane        it drove in a bus lane during its hours, and may not
    stopping        it stood where nobody may stop, or park, and no traffic held it there
    solid_line      it crossed a line that may not be crossed
    forbidden_turn  it took a way that may not be taken

A rule asks an officer a question. It accuses nobody on UNKNOWN, and of a measurement only where all of its interval lies beyond
limit and tolerance.
"""
