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


def williams_orders(contenders, seed, count):
    """The first orders, as the documentation of firebench-stats states them."""
    numbers = chacha8_numbers(seed)
    first = [0] + [label for pair in zip(range(1, contenders), range(contenders - 1, 0, -1)) for label in pair]
    first = first[:contenders]
    square = [[(label + row) % contenders for label in first] for row in range(contenders)]
    square += [row[::-1] for row in square]
    orders = []
    while len(orders) < count:
        labels = list(range(contenders))
        for i in range(contenders - 1, 0, -1):
            bound = 2**64 // (i + 1) * (i + 1)
            j = next(number for number in numbers if number < bound) % (i + 1)
            labels[i], labels[j] = labels[j], labels[i]
        orders += [[labels[label] for label in row] for row in square]
    return orders[:count]


def band(differences, alpha, comparisons):
    n = len(differences)
    k = 1 / (n + 1)
    a = ((alpha / comparisons) ** 2 * k) ** (-1 / n)
    if k * a >= 1:
        return None
    return statistics.stdev(differences) * math.sqrt((n - 1) / n * (a - 1) / (1 - k * a))


def stein_size(pilots, half_width, alpha):
    quantile = stats.t.ppf(1 - alpha / (2 * len(pilots)), len(pilots[0]) - 1)
    return max(len(pilots[0]), *(math.ceil((quantile * numpy.std(p, ddof=1) / half_width) ** 2) for p in pilots))


def main():
    random = numpy.random.default_rng(20240601)
    data = [random.normal(mean, spread, n).tolist()
            for n, mean, spread in [(2, 0.01, 0.02), (3, 0.0, 0.01), (5, 0.02, 0.02), (10, -0.03, 0.005),
                                    (24, 0.018, 0.014), (100, 0.001, 0.1), (2500, 1e-4, 0.01)]]
    data.append((1e3 + 0.01 * random.standard_t(3, 40)).tolist())
    levels = [(0.05, 1), (0.04, 1), (0.04, 3), (0.01, 2), (0.2, 1)]
    pilots = [[random.normal(0, spread, n).tolist() for spread in spreads]
              for n, spreads in [(10, [0.014]), (10, [0.014, 0.03]), (10, [0.001, 0.002, 0.0005]), (6, [0.1, 0.02]),
                                 (10, [0.2, 0.3, 0.1, 0.4])]]
    calm_pilot = random.normal(0.01, numpy.linspace(0.01, 0.03, 37)).tolist()
    tails = [0.4, 0.2, 0.1, 0.05, 0.025, 0.02, 0.01, 0.005, 0.001, 1e-4, 1e-6]
    degrees = [*range(1, 31), 40, 60, 99, 150, 200, 250, 300, 350, 400, 450, 498, 499, 500, 501, 700, 1000, 10_000, 1_000_000,
               1.001, 1.5, 2.75, 9.3, 48.6, 499.9, 500.1]
    apart = [(random.normal(0.02, spread, n).tolist(), random.normal(0, other, k).tolist())
             for n, spread, k, other in [(2, 0.01, 2, 0.02), (3, 0.01, 30, 0.01), (13, 0.02, 10, 0.001), (12, 0.5, 12, 0.4),
                                         (200, 0.01, 150, 0.03)]]
    reference = {
        "made_with": f"scipy {scipy.__version__}",
        "quantiles": [{"tail": tail, "df": df, "value": float(stats.t.isf(tail, df))} for tail in tails for df in degrees],
        "data": data,
        "intervals": [
            {"data": i, "alpha": alpha, "comparisons": m, "low": float(low), "high": float(high),
             "band_half_width": band(values, alpha, m)}
            for i, values in enumerate(data) for alpha, m in levels
            for low, high in [stats.t.interval(1 - alpha / m, len(values) - 1, numpy.mean(values), stats.sem(values))]],
        "stein_sizes": [
            {"pilots": pilot, "half_width": h, "alpha": alpha, "size": stein_size(pilot, h, alpha)}
            for pilot in pilots for h in (math.log(1.01), math.log(1.001), math.log(1.05)) for alpha in (0.04, 0.05)],
        "stein_intervals": [
            {"differences": run, "pilot": pilot, "alpha": 0.04, "comparisons": m, "centre": float(numpy.mean(run)),
             "half_width": float(stats.t.ppf(1 - 0.04 / (2 * m), pilot - 1) / math.sqrt(len(run))
                                 * max(numpy.std(run[:pilot], ddof=1), numpy.std(run, ddof=1)))}
            for run in (calm_pilot, calm_pilot[::-1]) for pilot in (5, 10) for m in (1, 2, 6)],
        "apart_data": apart,
        "apart": [
            {"data": i, "alpha": alpha, "comparisons": m, "df": float(welch.df),
             "statistic": float(welch.statistic), "low": float(interval.low), "high": float(interval.high)}
            for i, (one, other) in enumerate(apart) for alpha, m in levels for welch in [stats.ttest_ind(one, other, equal_var=False)]
            for interval in [welch.confidence_interval(1 - alpha / m)]],
        "orders": [{"contenders": k, "seed": seed, "orders": williams_orders(k, seed, 50)}
                   for k in (2, 3, 4, 5) for seed in (0, 1, 0x1122334455667788)],
    }
    target = pathlib.Path(__file__).with_name("reference.json")
    text = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in reference.items())
    target.write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
