"""The machine that runs jobs. Knows no noun of the business."""
