# SPDX-License-Identifier: Apache-2.0
"""A few random trees (random_trees.py) with fixed seeds; `random` plays others."""
import random_trees

SEEDS = range(1, 13)


def register(check, tool):
    for seed in SEEDS:
        check("random-tree-%d" % seed)(lambda p, seed=seed: random_trees.play(p, seed))
