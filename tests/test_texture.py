"""Texture features: what they may not depend on, closed forms, and pictures that are damaged."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mtl_jax.tasks import texture

SIDE = 32
RNG = np.random.default_rng(0)
NOISE = gaussian_filter(RNG.random((4, SIDE, SIDE)), (0, 1, 1)).astype(np.float32)


def groups(images) -> dict[str, np.ndarray]:
  """name -> (n, numbers)"""
  ends = np.cumsum(list(texture.SIZES.values()))
  return dict(zip(texture.SIZES, np.split(texture.described(images), ends[:-1], axis=1), strict=True))


def grating(down: float, across: float) -> np.ndarray:
  """(1, SIDE, SIDE): so many waves down and across."""
  i, j = np.indices((SIDE, SIDE)) / SIDE
  return (0.5 + 0.3 * np.cos(2 * np.pi * (down * i + across * j)))[None]


def test_a_picture_turned_by_90_degrees_keeps_what_is_said_to_be_free_of_turns():
  straight, turned = groups(NOISE), groups(np.rot90(NOISE, 1, (1, 2)))
  for name in texture.TURN_FREE:
    np.testing.assert_allclose(turned[name], straight[name], atol=2e-3, err_msg=name)


def test_a_turn_moves_the_wedges_by_90_degrees_and_swaps_rows_and_columns():
  straight, turned = groups(NOISE), groups(np.rot90(NOISE, 1, (1, 2)))
  shape = (len(NOISE), texture.RINGS, texture.WEDGES)
  wedges = np.roll(straight["angular"].reshape(shape), texture.WEDGES // 2, axis=2)
  np.testing.assert_allclose(turned["angular"].reshape(shape), wedges, atol=2e-3)
  swapped = straight["profiles"][:, [3, 4, 5, 0, 1, 2, *range(6, 11)]]
  np.testing.assert_allclose(turned["profiles"], swapped, atol=2e-3)
  assert np.abs(straight["angular"] - turned["angular"]).max() > 0.3


def test_brighter_light_changes_nothing():
  np.testing.assert_allclose(texture.described(NOISE * 0.5 + 0.3), texture.described(NOISE * 0.5 + 0.1), atol=2e-2)


@pytest.mark.parametrize("waves", [3, 6, 12])
def test_the_strongest_ring_and_wedge_are_those_of_the_grating_wherever_it_starts(waves):
  edges = np.geomspace(texture._LOWEST, 0.5, texture.BINS + 1)
  ring = int(np.searchsorted(edges, waves / SIDE)) - 1
  for image in (grating(0, waves), np.roll(grating(0, waves), 5, axis=2)):
    found = groups(image)
    assert found["radial"][0].argmax() == ring
    assert found["angular"].reshape(texture.RINGS, texture.WEDGES).max(0).argmax() == 0
  down = groups(grating(waves, 0))["angular"].reshape(texture.RINGS, texture.WEDGES)
  assert down.max(0).argmax() == texture.WEDGES // 2


@pytest.mark.parametrize("reach", [1, 2])
def test_a_bright_point_is_one_pattern_of_its_eight_neighbours(reach):
  """Each of the eight sees one brighter neighbour: the uniform pattern of one; all others see none."""
  image = np.zeros((1, SIDE, SIDE))
  image[0, 15, 17] = 1.0
  shares = np.square(groups(image)[f"patterns {reach}"][0])
  np.testing.assert_allclose(shares[:3], [1 - 8 / SIDE**2, 8 / SIDE**2, 0.0], atol=1e-6)


def test_bands_are_differences_of_gaussians_that_add_up_to_the_picture():
  bands = [np.asarray(band) for band in texture._bands(NOISE[0])]
  np.testing.assert_allclose(sum(bands), NOISE[0] - NOISE[0].mean(), atol=1e-5)
  fine, coarse = (gaussian_filter(NOISE[0], sigma, mode="reflect") for sigma in texture.SIGMAS[:2])
  np.testing.assert_allclose(bands[1], fine - coarse, atol=2e-3)


def test_the_strength_of_a_flat_band_is_that_of_its_noise():
  """White noise of deviation s less its blur by a Gaussian kernel g has variance s^2 sum (delta - g)^2."""
  image = 0.5 + 0.05 * RNG.standard_normal((1, 128, 128))
  point = np.zeros((33, 33))
  point[16, 16] = 1.0
  share = np.square(point - gaussian_filter(point, texture.SIGMAS[0])).sum()
  assert groups(image)["bands"][0, 0] == pytest.approx(np.log(0.05 * np.sqrt(share) + 0.003), abs=0.03)


DAMAGED = {
  "black": np.zeros((SIDE, SIDE)),
  "white": np.ones((SIDE, SIDE)),
  "one hot pixel": np.pad(np.ones((1, 1)), ((9, SIDE - 10), (3, SIDE - 4))),
  "half black": np.repeat([[0.0], [1.0]], SIDE // 2, axis=0) * np.ones((1, SIDE)),
  "checkerboard": np.indices((SIDE, SIDE)).sum(0) % 2.0,
  "black and white noise": (NOISE[0] > 0.5).astype(float),
}


def test_a_damaged_picture_has_finite_features():
  found = texture.described(np.stack(list(DAMAGED.values())))
  assert found.shape == (len(DAMAGED), texture.FEATURES) and found.dtype == np.float32
  assert np.isfinite(found).all() and np.abs(found).max() < 50


def test_no_picture_has_no_features_and_a_wrong_shape_is_named():
  assert texture.described(np.zeros((0, SIDE, SIDE))).shape == (0, texture.FEATURES)
  for shape in ((1, 32, 40), (1, 20, 20)):
    with pytest.raises(ValueError, match="square"):
      texture.described(np.zeros(shape))


def board(*boxes: tuple[int, int, int, int]) -> np.ndarray:
  """48 x 48 of 1, with copper (0) in boxes of rows and columns."""
  made = np.ones((48, 48), np.uint8)
  for top, bottom, left, right in boxes:
    made[top:bottom, left:right] = 0
  return made


TRACE, TWO = board((18, 30, 0, 48)), board((0, 48, 6, 14), (0, 48, 34, 42))
HOLE, CUT, BITE = TRACE.copy(), TRACE.copy(), TRACE.copy()
HOLE[22:26, 22:26], CUT[18:30, 22:26], BITE[18:22, 22:26] = 1, 1, 1
DEFECTS = {  # tested, template, more pieces of 1 (board) and of 0 (copper), whether 1 was added
  "pin-hole": (HOLE, TRACE, 1, 0, True),
  "open": (CUT, TRACE, -1, 1, True),
  "mousebite": (BITE, TRACE, 0, 0, True),
  "spur": (board((18, 30, 0, 48), (30, 34, 22, 26)), TRACE, 0, 0, False),
  "copper": (board((22, 26, 22, 26)), board(), 0, 1, False),
  "short": (board((0, 48, 6, 14), (0, 48, 34, 42), (22, 26, 14, 34)), TWO, 1, -1, False),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_the_rule_says_what_a_person_sees_beside_the_template(name):
  tested, template, board_pieces, copper_pieces, added = DEFECTS[name]
  found = texture.beside_template(tested, template)
  assert found[[0, 2, 3]].tolist() == [1.0 if added else -1.0, board_pieces, copper_pieces]
  assert found[4] == pytest.approx(np.log1p((tested != template).sum()) / 4, rel=1e-5)
  assert (found[1] == -1.0) == (name in ("pin-hole", "copper"))  # nothing of its colour around it


def test_the_rule_looks_at_the_middle_and_says_nothing_where_nothing_differs():
  assert not texture.beside_template(TRACE, TRACE).any()
  specks = HOLE.copy()
  specks[2, 3], specks[45:47, 44] = 0, 0
  np.testing.assert_array_equal(texture.beside_template(specks, TRACE), texture.beside_template(HOLE, TRACE))
