#!/usr/bin/env python3
"""Writes reference.json: what firebench-stats computes, computed a second time with SciPy and from the formulas as the
papers print them, sharing no code with the crate. Run by hand when something is added; needs scipy (1.17.1 was used):

    python3 -m venv venv && venv/bin/pip install scipy && venv/bin/python make.py
"""

import itertools
import json
import math
import pathlib
import statistics
import struct

import numpy
import scipy
from scipy import stats

import ranks


def chacha8_numbers(seed):
    """ChaCha8 after D. J. Bernstein: key = seed and 24 zero bytes, counter from 0, nonce 0; as 64-bit numbers."""
    key = struct.unpack("<8I", struct.pack("<Q", seed) + bytes(24))
    for counter in itertools.count():
        start = [*struct.unpack("<4I", b"expand 32-byte k"), *key, counter & 0xFFFFFFFF, counter >> 32, 0, 0]
        x = list(start)

        def quarter(a, b, c, d):
            for into, other, turned, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                x[into] = (x[into] + x[other]) & 0xFFFFFFFF
                x[turned] ^= x[into]
                x[turned] = ((x[turned] << by) | (x[turned] >> (32 - by))) & 0xFFFFFFFF

        for _ in range(4):
            for i in range(4):
                quarter(i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        words = [(a + b) & 0xFFFFFFFF for a, b in zip(x, start)]
        yield from (low | high << 32 for low, high in zip(words[::2], words[1::2]))


def shuffled_orders(contenders, seed, count):
    """The first orders, as the documentation of firebench-stats states them."""
    numbers = chacha8_numbers(seed)
    orders = []
    for _ in range(count):
        order = list(range(contenders))
        for i in range(contenders - 1, 0, -1):
            bound = 2**64 // (i + 1) * (i + 1)
            j = next(number for number in numbers if number < bound) % (i + 1)
            order[i], order[j] = order[j], order[i]
        orders.append(order)
    return orders


def band(differences, alpha, comparisons):
    n = len(differences)
    k = 1 / (n + 1)
    a = ((alpha / comparisons) ** 2 * k) ** (-1 / n)
    if k * a >= 1:
        return None
    return statistics.stdev(differences) * math.sqrt((n - 1) / n * (a - 1) / (1 - k * a))


def main():
    random = numpy.random.default_rng(20240601)
    data = [random.normal(mean, spread, n).tolist()
            for n, mean, spread in [(2, 0.01, 0.02), (3, 0.0, 0.01), (5, 0.02, 0.02), (10, -0.03, 0.005),
                                    (24, 0.018, 0.014), (100, 0.001, 0.1), (2500, 1e-4, 0.01)]]
    data.append((1e3 + 0.01 * random.standard_t(3, 40)).tolist())
    levels = [(0.05, 1), (0.04, 1), (0.04, 3), (0.01, 2), (0.2, 1)]
    tails = [0.4, 0.2, 0.1, 0.05, 0.025, 0.02, 0.01, 0.005, 0.001, 1e-4, 1e-6]
    degrees = [*range(1, 31), 40, 60, 99, 150, 200, 250, 300, 350, 400, 450, 498, 499, 500, 501, 700, 1000, 10_000, 1_000_000,
               1.001, 1.5, 2.75, 9.3, 48.6, 499.9, 500.1]
    apart = [(random.normal(0.02, spread, n).tolist(), random.normal(0, other, k).tolist())
             for n, spread, k, other in [(2, 0.01, 2, 0.02), (3, 0.01, 30, 0.01), (13, 0.02, 10, 0.001), (12, 0.5, 12, 0.4),
                                         (200, 0.01, 150, 0.03)]]
    placed = ranks.placed(random)
    reference = {
        "made_with": f"scipy {scipy.__version__}",
        "quantiles": [{"tail": tail, "df": df, "value": float(stats.t.isf(tail, df))} for tail in tails for df in degrees],
        "data": data,
        "intervals": [
            {"data": i, "alpha": alpha, "comparisons": m, "low": float(low), "high": float(high),
             "band_half_width": band(values, alpha, m)}
            for i, values in enumerate(data) for alpha, m in levels
            for low, high in [stats.t.interval(1 - alpha / m, len(values) - 1, numpy.mean(values), stats.sem(values))]],
        "apart_data": apart,
        "apart": [
            {"data": i, "alpha": alpha, "comparisons": m, "low": float(interval.low), "high": float(interval.high)}
            for i, (one, other) in enumerate(apart) for alpha, m in levels for welch in [stats.ttest_ind(one, other, equal_var=False)]
            for interval in [welch.confidence_interval(1 - alpha / m)]],
        "orders": [{"contenders": k, "seed": seed, "orders": shuffled_orders(k, seed, 50)}
                   for k in (2, 3, 4, 5) for seed in (0, 1, 0x1122334455667788)],
        "ranks": ranks.critical(),
        "placed_data": placed,
        "typical": [case for i, data in enumerate(placed) for case in ranks.typical(i, data)],
        "live": [ranks.live(i, data, m, band) for i, data in enumerate(placed) for m in (1, 3)],
        "mean_with_missing": [ranks.mean_with_missing(i, data, missing, m)
                              for i, data in enumerate(placed) for missing in (1, 3) for m in (1, 2)],
        # Nothing was seen in n boots: the upper limit of Clopper and Pearson, one-sided.
        "unseen": [{"boots": n, "share": float(stats.beta.ppf(0.95, 1, n))} for n in (1, 2, 3, 10, 59, 100, 1000, 10**6)],
        "pairs": [ranks.pair(boots) for boots in ranks.runs(random)],
    }
    pairs = list(ranks.sides(random))
    reference["sides"] = pairs
    reference["costs"] = [ranks.cost(i, pair, missing, m) for i, pair in enumerate(pairs) for missing in (0, 2) for m in (1, 3)]
    reference["tails"] = [ranks.tail(i, pair, share, missing, m)
                          for i, pair in enumerate(pairs) for share in (0.95, 0.99) for missing in (0, 2) for m in (1, 3)]
    target = pathlib.Path(__file__).with_name("reference.json")
    text = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in reference.items())
    target.write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
