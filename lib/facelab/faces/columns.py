"""Columns of a person's look vector, filled by `scene.look_vectors`, and regions of the mesh."""

from facelab.faces.head import REGIONS

SKIN, LIPS, INNER, TEETH, TONGUE, EYEBALL, LASHES, BODY = range(len(REGIONS))
# columns of a person's `look` vector, filled by `render.look_vectors`
AGE, GENDER, MELANIN, REDNESS, SEED, OIL, FRECKLES, MOLES, SPOTS = range(9)
STUBBLE, EXTENT, BROW_WIDE, BROW_ARCH, BROW_DENSE, BROW_DARK = range(9, 15)
IRIS, STYLE, HAIR, VOLUME, RAISED, PARTING, HAIR_SEED = 15, 18, 19, 22, 23, 24, 25
MAKEUP, CLOTHES, LIGHT, BACKGROUND, OCCLUDER, NOISE = 26, 42, 45, 55, 63, 71
COLUMNS = 77
