"""Which labelled pictures are never learnt from, written down once for reader and detector.

Blocks are contiguous because neighbours are near duplicates (frames of one drive, copies of one photograph).
"""

# folder under ../shared/data → whether the picture of this number is held out
HELD_OUT = {
    "plates/train/boxes/ro_detect": lambda number: 30 <= number % 85 < 52,
    "plates/train/boxes/roboflow_mixed_detect": lambda number: number >= 350,
    "plates/train/boxes/corners_iwpod": lambda number: number >= 36,
    "plates/train/scenes/cn_easypr": lambda number: number % 2 == 1,
    "plates/train/crops/cn_crops_lprnet": lambda number: number >= 600,
    "faces": lambda number: number % 200 >= 160,
}
