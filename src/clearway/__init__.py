"""Clearway keeps roads safe without watching everybody who uses them.

Read five files and know the project: `facts`, `ports`, `plates`, `settings`, `errors`. Then `edge/pipeline.py`.
"""

__version__ = "0.1.0"
