"""The words that DDSM and its curated subset describe lesions with."""

SHAPES = {
    "ARCHITECTURAL_DISTORTION": "distortion",
    "ASYMMETRIC_BREAST_TISSUE": "asymmetry",
    "FOCAL_ASYMMETRIC_DENSITY": "asymmetry",
}


def lesion_features(lesion_type: str, shape: str = "") -> set[str]:
    """What a lesion looks like, in a datalist's words.

    Distortions and asymmetries are listed among the masses: as one of several shapes, or as the only one if there is
    no mass.

    Args:
        lesion_type: mass or calcification.
        shape: the shapes of a mass, joined by hyphens.
    """
    shapes = set(shape.upper().split("-"))
    named = {SHAPES[word] for word in shapes & SHAPES.keys()}
    return named if shapes <= SHAPES.keys() else named | {lesion_type.lower()}
