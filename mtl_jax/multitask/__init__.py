"""Multi-task learning: one model for many tasks, none of them left worse off."""

from mtl_jax.multitask.coordinates import CoordinateAggregator, graddrop, trimmed_mean
from mtl_jax.multitask.joint import JointState, joint
from mtl_jax.multitask.sources import MultiApply, Split

__all__ = ["CoordinateAggregator", "JointState", "MultiApply", "Split", "graddrop", "joint", "trimmed_mean"]
