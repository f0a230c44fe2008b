"""Simulated plants: published optima, balances, SciPy as an independent solver, closed forms, gradients, vmap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, fsolve

from mtl_jax.tasks.processes import PLANTS, from_unit, injection, milling, nominal, stirred_tank, wafer, williams_otto
from mtl_jax.tasks.processes.benchmark import branin_function, hartmann3_function, hartmann6_function
from mtl_jax.tasks.processes.optimum import optimum
from mtl_jax.tasks.processes.root import root
from mtl_jax.tuning import candidates

NAMES = sorted(PLANTS)


def by_hand(u, rates, feed):
  """The six balances of Williams and Otto's reactor at rest by SciPy, from the fractions of an equal mixture."""
  b, t = u
  f, k = feed + b, 2105.0 * np.asarray(rates) * np.array([1.6599e6, 7.2117e8, 2.6745e12])
  k = k * np.exp(-np.array([6666.7, 8333.3, 11111.0]) / (t + 273.15))

  def left(x):
    xa, xb, xc, _, _, xp = x
    r = k[0] * xa * xb, k[1] * xb * xc, k[2] * xc * xp
    made = feed - r[0], b - r[0] - r[1], 2 * r[0] - 2 * r[1] - r[2], 2 * r[1], 1.5 * r[2], r[1] - r[2] / 2
    return np.asarray(made) - f * np.asarray(x)

  return fsolve(left, [0.1, 0.4, 0.02, 0.25, 0.1, 0.1], xtol=1e-13)


@pytest.fixture(scope="module")
def reactors():
  """The literature's reactor and 24 others at set-points all over the box, solved in one program, float64."""
  with jax.enable_x64(True):
    place_key, task_key = jax.random.split(jax.random.key(0))
    u = from_unit(williams_otto.plant, jax.random.uniform(place_key, (25, 2)))
    u = u.at[0].set(nominal(williams_otto.plant))
    task = jax.vmap(williams_otto.sample_task)(jax.random.split(task_key, 25))
    first = williams_otto.plant.nominal()
    task = jax.tree.map(lambda leaf, at: leaf.at[0].set(at), task, first)
    return jax.tree.map(np.asarray, (u, task, jax.jit(jax.vmap(williams_otto.steady_state))(u, task)))


def test_the_balances_of_williams_and_otto_close_and_fractions_add_up_to_one(reactors):
  _, _, found = reactors
  assert np.abs(found.residual).max() < 1e-12
  np.testing.assert_allclose(np.sum(found.fractions, axis=1), 1.0, atol=1e-12)
  assert np.min(found.fractions) > 0


def test_the_steady_state_is_the_one_that_scipy_finds(reactors):
  u, task, found = reactors
  for i in range(25):
    expected = by_hand(np.asarray(u[i]), np.asarray(task.rates[i]), float(task.feed[i]))
    np.testing.assert_allclose(found.fractions[i], expected, rtol=1e-7)


def test_the_published_optimum_of_williams_and_otto(float64):
  """190.98 $/s at 4.787 kg/s and 89.70 C, where the gradient is zero: a step of the settings' last printed digit
  changes it by less than is printed."""
  plant, task = williams_otto.plant, williams_otto.plant.nominal()
  best = optimum(plant, task, starts=2)
  assert best.value == pytest.approx(190.98, abs=0.01)
  assert best.u[0] == pytest.approx(4.787, abs=6e-4) and best.u[1] == pytest.approx(89.70, abs=6e-3)
  gradient = jax.jit(jax.grad(lambda u: plant.value(u, task).value))
  np.testing.assert_allclose(gradient(jnp.asarray(best.u)), 0.0, atol=1e-4)
  assert np.abs(gradient(jnp.asarray([4.0, 85.0]))).max() > 1.0


def test_ratio_control_scales_the_flow_with_the_feed():
  task = williams_otto.Task(jnp.ones(3), jnp.asarray(2 * williams_otto.FEED))
  np.testing.assert_allclose(williams_otto.ratio_control(task), [2 * 4.787, 89.70], rtol=1e-6)


def test_rates_and_feed_vary_by_30_percent():
  drawn = jax.jit(jax.vmap(williams_otto.sample_task))(jax.random.split(jax.random.key(0), 2000))
  for share in (*np.asarray(drawn.rates).T, np.asarray(drawn.feed) / williams_otto.FEED):
    assert 0.7 <= share.min() < 0.71 and 1.29 < share.max() <= 1.3
    assert share.mean() == pytest.approx(1.0, abs=0.02)


def test_the_nominal_set_point_and_ratio_control_lose_what_the_family_says():
  """13.17 and 5.99 $/s on average, as measured with four times the candidates."""
  plant = williams_otto.plant
  z = from_unit(plant, candidates(plant, 1024))

  def losses(task):
    profit = lambda u: plant.value(u, task).value  # noqa: E731
    own = jnp.stack([profit(nominal(plant)), profit(williams_otto.ratio_control(task))])
    return jnp.max(jax.vmap(profit)(z)) - own

  tasks = jax.vmap(williams_otto.sample_task)(jax.random.split(jax.random.key(0), 1000))
  lost = np.asarray(jax.jit(lambda tasks: jax.lax.map(losses, tasks))(tasks))
  np.testing.assert_allclose(lost.mean(0), [13.17, 5.99], atol=0.05)


def heat_left(t, q, coolant, task):
  """dT/dt times V rho c_p where dC/dt is zero, by the two balances and not by the form that the module solves."""
  k0, energy, heat, cooling, feed_t, feed = (float(x) for x in task)
  k = k0 * np.exp(-energy / t)
  c = q * feed / (q + 100.0 * k)
  return q * 239.0 * (feed_t - t) + heat * 100.0 * k * c + cooling * (coolant - t)


def test_every_steady_state_of_the_tank_is_found_and_no_other(float64):
  """Against sign changes on a fine grid, refined by Brent's method; some reactors have one, some three."""
  place_key, task_key = jax.random.split(jax.random.key(1))
  u = from_unit(stirred_tank.plant, jax.random.uniform(place_key, (40, 2)))
  task = jax.vmap(stirred_tank.sample_task)(jax.random.split(task_key, 40))
  found = jax.jit(jax.vmap(stirred_tank.steady_states))(u, task)
  counts = []
  for i in range(40):
    args = (*np.asarray(u[i]), jax.tree.map(lambda leaf, i=i: leaf[i], task))
    grid = np.linspace(270.0, 600.0, 20_001)
    sign = np.sign(heat_left(grid, *args))
    cells = np.flatnonzero(sign[1:] != sign[:-1])
    expected = [brentq(heat_left, grid[j], grid[j + 1], args=args, xtol=1e-11) for j in cells]
    t = np.asarray(found.temperature[i])
    np.testing.assert_allclose(np.sort(t[~np.isnan(t)]), expected, rtol=1e-8)
    counts.append(len(expected))
  assert set(counts) == {1, 3}


def test_seborgs_tank_has_its_published_state_and_stays_only_where_it_is_stable(float64):
  """The middle state is C = 0.5, T = 350; from a hair beside each state the equations of motion stay or go."""
  u, task = nominal(stirred_tank.plant), stirred_tank.plant.nominal()
  found = stirred_tank.steady_states(u, task)
  assert found.concentration[1] == pytest.approx(0.5, abs=1e-4) and found.temperature[1] == pytest.approx(
    350.0, abs=0.01
  )
  np.testing.assert_array_equal(found.stable, [True, False, False])

  def motion(_, state):
    c, t = state
    k = 7.2e10 * np.exp(-8750.0 / t)
    return [1.0 - c - k * c, (350.0 - t) + (5e4 / 239.0) * k * c + 5e4 / 23900.0 * (300.0 - t)]

  for c, t, stable, growth in zip(found.concentration, found.temperature, found.stable, found.growth, strict=True):
    end = solve_ivp(motion, (0.0, 6.0), [float(c), float(t) + 0.01], rtol=1e-10, atol=1e-12).y[:, -1]
    assert (abs(end[1] - float(t)) < 0.01) == bool(stable) == bool(growth < 0)


def test_the_cheapest_speed_of_milling_is_gilberts(float64):
  """At fixed feed and depth the cost is least where a tool lasts (1 / n - 1) (change + edge / rate) minutes."""
  task = milling.plant.nominal()
  best = (1 / float(task.exponent) - 1) * (milling.CHANGE + float(task.edge) / milling.RATE)
  f, a = 0.12, 2.0
  speed = float(task.speed) * (best * f ** float(task.by_feed) * a ** float(task.by_depth)) ** -float(task.exponent)
  assert milling.tool_life(jnp.asarray([speed, f, a]), task) == pytest.approx(best)
  slope = jax.grad(lambda v: milling.value(jnp.stack([v, jnp.asarray(f), jnp.asarray(a)]), task).value)
  assert slope(jnp.asarray(speed)) == pytest.approx(0.0, abs=1e-12)
  assert slope(jnp.asarray(0.9 * speed)) > 0 > slope(jnp.asarray(1.1 * speed))


def test_a_wall_is_at_the_ejection_temperature_when_the_series_of_the_slab_says_so(float64):
  """sum over odd n of 4 / (pi n) (-1)^((n - 1) / 2) exp(-(n pi / s)^2 a t), the middle of a slab that starts at 1: the
  later terms are below 1e-3 of it at that time."""
  u, task = nominal(injection.plant), injection.plant.nominal()
  time = float(injection.freezing(task.wall, injection.EJECTION, u, task))
  n = np.arange(1, 40, 2)
  decay = np.exp(-((n * np.pi / float(task.wall)) ** 2) * float(task.diffusivity) * time)
  middle = np.sum(4 / np.pi / n * (-1.0) ** ((n - 1) // 2) * decay)
  assert float(u[1] + middle * (u[0] - u[1])) == pytest.approx(injection.EJECTION, rel=1e-3)


def test_more_packing_shrinks_less_and_less_so_where_the_gate_freezes_early(float64):
  task = injection.plant.nominal()
  thin = task._replace(gate=task.gate / 2)

  def gain(task, packing):
    low, high = (jnp.asarray([230.0, 40.0, p, packing]) for p in (40.0, 60.0))
    return float(injection.shrinkage(low, task) - injection.shrinkage(high, task))

  assert 0 < gain(task, 2.0) < gain(thin, 2.0) < gain(thin, 8.0) <= 20 * float(task.compressibility)


@pytest.mark.parametrize(
  ("f", "least", "places"),
  [
    (branin_function, 0.397887, [(-np.pi, 12.275), (np.pi, 2.275), (9.42478, 2.475)]),
    (hartmann3_function, -3.86278, [(0.114614, 0.555649, 0.852547)]),
    (hartmann6_function, -3.32237, [(0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573)]),
  ],
)
def test_benchmarks_have_their_known_least_values(f, least, places, float64):
  slope = jax.jit(jax.value_and_grad(f))
  for place in places:
    value, gradient = slope(jnp.asarray(place))
    assert value == pytest.approx(least, abs=2e-5)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-3)


def test_a_shifted_and_scaled_benchmark_moves_with_its_task(float64):
  plant = PLANTS["hartmann3"]
  task = plant.sample_task(jax.random.key(0))
  best = jnp.asarray([0.114614, 0.555649, 0.852547]) + task.shift
  assert plant.value(best, task).value == pytest.approx(3.86278 * float(task.scale), abs=1e-4)
  assert np.abs(task.shift).max() <= 0.1 and 0.9 <= task.scale <= 1.1


@pytest.fixture(scope="module")
def controlled():
  """errors(task, weight, runs, key): of a tool under its EWMA controller; one program."""

  def errors(task, weight, key):
    first, _ = wafer.reset(key, task)

    def run(carry, key):
      state, intercept, setting = carry
      state, error, _, _ = wafer.step(key, state, setting, task)
      intercept, setting = wafer.ewma(weight, error, intercept)
      return (state, intercept, setting), error

    start = wafer.TARGET - wafer.ASSUMED * 60.0
    return jax.lax.scan(run, (first, jnp.asarray(start), jnp.asarray(60.0)), jax.random.split(key, 400))[1]

  return jax.jit(jax.vmap(errors, (None, None, 0)))


@pytest.mark.parametrize(("smoothing", "weight", "gain"), [(1.0, 0.3, -10.0), (1.0, 0.5, -15.0), (0.4, 0.6, -8.0)])
def test_the_variance_under_ewma_is_the_closed_form(controlled, smoothing, weight, gain):
  """For white noise 2 sigma^2 / (2 - lambda xi); drift leaves the mean delta / (lambda xi)."""
  task = wafer.Task(*(jnp.asarray(x) for x in (1100.0, gain, 0.5, smoothing, 4.0)))
  settled = np.asarray(controlled(task, jnp.asarray(weight), jax.random.split(jax.random.key(0), 400)))[:, 100:]
  variance, pull = float(wafer.asymptotic_variance(jnp.asarray(weight), task)), weight * gain / wafer.ASSUMED
  assert settled.var() == pytest.approx(variance, rel=0.03)
  assert settled.mean() == pytest.approx(0.5 / pull, abs=0.05)
  if smoothing == 1.0:
    assert variance == pytest.approx(2 * 16.0 / (2 - pull), rel=1e-5)


@pytest.mark.parametrize("pull", [-0.05, 0.05, 1.95, 2.05])
def test_ewma_is_stable_exactly_between_0_and_2(controlled, pull):
  task = wafer.Task(*(jnp.asarray(x) for x in (1100.0, wafer.ASSUMED, 0.0, 1.0, 1.0)))
  errors = np.abs(controlled(task, jnp.asarray(pull), jax.random.split(jax.random.key(0), 400)))
  settles = 0 < pull < 2
  assert (
    (errors[:, -50:].mean() < 20) == settles == bool(np.isfinite(wafer.asymptotic_variance(jnp.asarray(pull), task)))
  )


@pytest.fixture(scope="module", params=NAMES)
def answered(request):
  """A plant at 4 set-points of 3 tasks in one program: values and slopes, in float64; and in float32."""
  plant = PLANTS[request.param]

  def both(u, task):
    def value(u):
      outcome = plant.value(u, task)
      return outcome.value, outcome

    slope, outcome = jax.grad(value, has_aux=True)(u)
    return outcome, slope

  def ask():
    z = jnp.asarray(np.random.default_rng(0).uniform(0.1, 0.9, (4, len(plant.settings))), keys_type())
    task = jax.tree.map(lambda leaf: leaf.astype(keys_type()), tasks)
    u = from_unit(plant, z)
    return jax.tree.map(np.asarray, (jax.jit(jax.vmap(jax.vmap(both, (0, None)), (None, 0)))(u, task), u, task))

  def keys_type():
    return jnp.float64 if jax.config.jax_enable_x64 else jnp.float32

  with jax.enable_x64(True):
    tasks = jax.vmap(plant.sample_task)(jax.random.split(jax.random.key(3), 3))
    wide = ask()
  return plant, wide, ask()


def test_slopes_are_those_of_finite_differences_and_vmap_is_a_loop(answered, float64):
  plant, ((outcome, slope), u, task), _ = answered
  value = jax.jit(lambda u, task: plant.value(u, task).value)
  for i in range(3):
    one = jax.tree.map(lambda leaf, i=i: jnp.asarray(leaf[i]), task)
    for j in (0, 3):
      assert value(jnp.asarray(u[j]), one) == pytest.approx(float(outcome.value[i, j]), rel=1e-12)
      for k, setting in enumerate(plant.settings):
        h = 1e-6 * (setting.high - setting.low)
        step = jnp.zeros(len(plant.settings)).at[k].set(h)
        difference = (value(u[j] + step, one) - value(u[j] - step, one)) / (2 * h)
        tolerance = 1e-7 * float(np.abs(outcome.value[i, j])) / (setting.high - setting.low) + 1e-9
        assert slope[i, j, k] == pytest.approx(float(difference), rel=1e-5, abs=tolerance)


def test_float32_says_the_same(answered):
  _, ((wide, wide_slope), _, _), ((narrow, narrow_slope), _, _) = answered
  assert narrow.value.dtype == np.float32
  spread = float(np.std(wide.value))
  np.testing.assert_allclose(narrow.value, wide.value, rtol=1e-3, atol=1e-3 * spread)
  np.testing.assert_allclose(narrow.constraints, wide.constraints, rtol=1e-2, atol=1e-2)
  np.testing.assert_allclose(narrow_slope, wide_slope, rtol=1e-2, atol=1e-2 * float(np.std(wide_slope)))


@pytest.mark.parametrize("name", NAMES)
def test_a_plant_says_what_its_numbers_are(name):
  plant = PLANTS[name]
  task = plant.nominal()
  outcome = plant.value(nominal(plant), task)
  assert outcome.value.shape == () and outcome.constraints.shape == (len(plant.constraints),)
  assert all(s.low < s.nominal < s.high for s in plant.settings)
  drawn = plant.sample_task(jax.random.key(0))
  assert jax.tree.structure(drawn) == jax.tree.structure(task)
  assert [leaf.shape for leaf in jax.tree.leaves(drawn)] == [leaf.shape for leaf in jax.tree.leaves(task)]


def test_the_reference_optimum_keeps_limits_and_beats_every_set_point_of_a_grid(float64):
  """Milling has two limits, of which the spindle's or the drawing's holds the optimum back."""
  plant, task = milling.plant, milling.plant.nominal()._replace(power=jnp.asarray(3.0))
  best = optimum(plant, task, starts=4)
  side = np.linspace(0.0, 1.0, 21)
  z = jnp.asarray(np.stack(np.meshgrid(side, side, side), axis=-1).reshape(-1, 3))
  outcome = jax.jit(jax.vmap(plant.value, (0, None)))(from_unit(plant, z), task)
  kept = np.all(np.asarray(outcome.constraints) <= 0, axis=1)
  assert 0 < kept.sum() < len(kept)
  assert np.asarray(outcome.value)[kept].max() <= best.value < np.asarray(outcome.value).max()
  assert best.violation <= 1e-6


def test_a_root_is_found_where_newton_alone_would_leave_and_its_slopes_are_implicit(float64):
  """x^3 = p from 0, where the slope is 0; x = p^(1/3) has the slopes p^(-2/3) / 3 and -2 p^(-5/3) / 9."""

  def cube_root(p):
    return root(lambda x: x**3 - p, jnp.zeros_like(p), jnp.full_like(p, 10.0), iterations=60)

  p = jnp.asarray(20.0)
  assert cube_root(p) == pytest.approx(20 ** (1 / 3), rel=1e-12)
  assert jax.grad(cube_root)(p) == pytest.approx(20 ** (-2 / 3) / 3, rel=1e-10)
  assert jax.grad(jax.grad(cube_root))(p) == pytest.approx(-2 * 20 ** (-5 / 3) / 9, rel=1e-10)
