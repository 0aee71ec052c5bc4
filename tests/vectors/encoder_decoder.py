"""Small segmentations with their boundary scores, and stamps; run this file to write the vectors."""

import json
from pathlib import Path

import torch

from cnncourse.applications.encoder_decoder import overlap_counts, phase_counts
from cnncourse.applications.segmentation_metrics import boundary, boundary_f_score

FILE = Path(__file__).with_suffix(".json")
SIDE = 9


def vectors():
    """Random blobs against other blobs, and every kernel and stride of the widget."""
    generator = torch.Generator().manual_seed(8)
    maps = []
    for number in range(30):
        truth, prediction = (blob(generator) for _ in range(2))
        maps.append(record(truth if number % 5 == 0 else prediction, truth))
    stamps = [
        {"kernel": k, "stride": s, "phases": phase_counts(k, s), "counts": overlap_counts(7, k, s).tolist()}
        for k in range(1, 8)
        for s in range(1, 5)
    ]
    return {"side": SIDE, "maps": maps, "stamps": stamps}


def blob(generator):
    """A map with up to two boxes of some class on the ground."""
    labels = torch.zeros(SIDE, SIDE, dtype=torch.int64)
    for _ in range(int(torch.randint(0, 3, (), generator=generator))):
        y, x, height, width = torch.randint(0, SIDE - 2, (4,), generator=generator).tolist()
        labels[y : y + height + 1, x : x + width + 1] = int(torch.randint(1, 4, (), generator=generator))
    return labels


def record(prediction, truth):
    """One pair as the tests of both languages read it; a score that is not defined is null."""
    score = boundary_f_score(prediction, truth)
    return {
        "prediction": prediction.flatten().tolist(),
        "truth": truth.flatten().tolist(),
        "boundary": boundary(truth == 1).int().flatten().tolist(),
        "score": score if score == score else None,
        "wrong": int((prediction != truth).sum()),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors()) + "\n", encoding="utf-8")
