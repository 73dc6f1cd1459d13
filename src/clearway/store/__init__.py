"""What must be kept: which exhibits wait, who decided what, who is signed in, and how many vehicles passed.

The store indexes exhibits and never copies them: of a vehicle it holds only what an officer typed. No method here asks for a
plate, so there is no history to search. SQLAlchemy stays inside this folder.
"""

from clearway.store.store import NO_PLATE, AlreadyDecided, Due, Hold, Noticed, Store, Tally, TypedReading

__all__ = ["NO_PLATE", "AlreadyDecided", "Due", "Hold", "Noticed", "Store", "Tally", "TypedReading"]
