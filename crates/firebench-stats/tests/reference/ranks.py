"""The part of reference.json that is about ranks, places and checks: see make.py. Everything is done the long way: all averages
written down, missing blocks put in as infinities, slopes by scipy.stats.linregress."""

from fractions import Fraction

import numpy
from scipy import optimize, stats


def counts(n):
    """In how many of the 2^n tosses the ranks of the heads have each sum; exact."""
    ways = [1]
    for rank in range(1, n + 1):
        longer = ways + [0] * rank
        for total, number in enumerate(ways):
            longer[total + rank] += number
        ways = longer
    return ways


def rank_of(n, tail):
    """The largest r with P(T <= r) <= tail, or None."""
    below, most = 0, Fraction(tail) * 2**n
    for total, number in enumerate(counts(n)):
        below += number
        if below > most:
            return total - 1 if total > 0 else None
    return len(counts(n)) - 1


def p_value(n, total):
    """SciPy's two-sided p-value of n values whose negative ones have ranks that sum to total."""
    values, left = list(range(1, n + 1)), total
    for rank in range(n, 0, -1):
        if rank <= left:
            values[rank - 1], left = -rank, left - rank
    return stats.wilcoxon(values, method="exact").pvalue


def critical():
    """Critical ranks; those of up to 50 values are held against SciPy's exact p-values on the way."""
    cases = []
    for tail in (0.4, 0.05, 0.025, 0.015, 0.0075, 0.005, 0.0025, 0.001, 1e-4):
        for n in (*range(1, 31), 40, 50, 75, 99, 100, 101, 120, 150, 200, 300):
            rank = rank_of(n, tail)
            if n <= 50 and tail < 0.4:
                assert rank is None or p_value(n, rank) <= 2 * tail * (1 + 1e-12), (n, tail)
                assert p_value(n, 0 if rank is None else rank + 1) > 2 * tail * (1 - 1e-12), (n, tail)
            cases.append({"count": n, "tail": tail, "rank": rank})
    return cases


def placed(random):
    """Differences and the places between, of runs of several shapes: [value, later]."""
    def of(values, contenders):
        orders = [random.permutation(contenders).tolist() for _ in values]
        return [[float(value), float(order.index(1) - order.index(0))] for value, order in zip(values, orders)]

    def with_slope(data, slope):
        return [[value + slope * later, later] for value, later in data]

    data = [of(random.normal(mean, spread, n), contenders)
            for n, mean, spread, contenders in [(2, 0.01, 0.02, 2), (4, 0.0, 0.01, 3), (6, 0.02, 0.02, 2), (7, 0.0, 0.3, 2),
                                                (10, -0.03, 0.005, 2), (24, 0.018, 0.014, 3), (101, 0.001, 0.1, 2)]]
    data += [with_slope(of(random.normal(0.01, 0.01, n), contenders), slope)
             for n, contenders, slope in [(12, 2, 0.03), (12, 3, -0.05), (40, 4, 0.02), (15, 2, 0.006), (11, 2, 0.2)]]
    # The second one of a block is much slower, and few blocks have the contender first.
    data.append([[float(0.2 * later + random.normal(0, 0.005)), later] for later in [1.0] * 8 + [-1.0] * 2])
    # Boots that are slow, some of them rare, some too frequent to stand apart.
    for n, share in ((16, 0.1), (40, 0.15), (20, 0.5)):
        values = random.normal(0, 0.01, n) + 0.3 * (random.random(n) < share)
        data += [of(values, 2), with_slope(of(values, 3), 0.03)]
    data.append(of(random.standard_t(2, 60) * 0.01, 2))
    # Coarse figures: many ties.
    data.append(of(numpy.round(random.normal(0.1, 0.1, 30), 1), 2))
    return data


def averages(values):
    """Of all pairs, each value with itself included, in ascending order."""
    values = numpy.asarray(values)
    return numpy.sort([(values[i] + values[j]) / 2 for i in range(len(values)) for j in range(i, len(values))])


def ranked(data):
    """The values that are ranked, how many stand apart, and what the slope makes the interval wider by, if it is taken out."""
    values, later = numpy.array(data).T
    bound = max(6 * 1.4826 * stats.median_abs_deviation(values), 0.05)
    near = abs(values - numpy.median(values)) <= bound
    by_order = any((~near)[side].mean() > 1 / 2 for side in (later < 0, later == 0, later > 0) if side.any())
    if near.sum() < 6 or (~near).sum() > len(values) / 4 or by_order:
        near[:] = True
    values, later = values[near], later[near]
    if len(values) >= 6 and numpy.ptp(later) > 0:
        line = stats.linregress(later, values)
        if abs(line.slope) > 3 * line.stderr:
            rest = values - line.slope * later
            return rest, int((~near).sum()), line.intercept_stderr / stats.sem(rest)
    return values, int((~near).sum()), None


def ends(values, missing, tail):
    """With the missing ones above everything for the upper end, below everything for the lower one; None if infinite."""
    rank = rank_of(len(values) + missing, tail)
    if rank is None:
        return None, None
    low = averages([*values, *[-numpy.inf] * missing])[rank]
    high = averages([*values, *[numpy.inf] * missing])[-1 - rank]
    return (float(low) if numpy.isfinite(low) else None), (float(high) if numpy.isfinite(high) else None)


def typical(index, data):
    values, apart, wider = ranked(data)
    centre = float(numpy.median(averages(values)))
    for alpha, comparisons in ((0.032, 1), (0.032, 3), (0.2, 1)):
        for missing in (0, 1, 3):
            tail, n = alpha / comparisons / 2, len(values)
            if rank_of(n + missing, tail) is None:
                half = float(stats.t.isf(tail, n - 1) * stats.sem(values))
                low, high = (None, None) if missing else (centre - half, centre + half)
            else:
                low, high = ends(values, missing, tail)
            if wider is not None:
                by = float(wider * stats.t.isf(tail, n - 2) / stats.t.isf(tail, n - 1))
                low, high = (end if end is None else centre + (end - centre) * by for end in (low, high))
            yield {"data": index, "alpha": alpha, "comparisons": comparisons, "missing": missing, "apart": apart,
                   "has_slope": wider is not None, "centre": centre, "low": low, "high": high}


def live(index, data, comparisons, band):
    """What may be shown after any block: the band around the mean and around the typical difference; all that was seen, of few."""
    values = [value for value, _ in data]
    half = band(values, 0.018, comparisons)
    centres = float(numpy.mean(values)), float(numpy.median(averages(ranked(data)[0])))
    low, high = (None, None) if half is None else (min(centres) - half, max(centres) + half)
    if low is not None and len(values) < 16:
        low, high = min(low, *values), max(high, *values)
    return {"data": index, "comparisons": comparisons, "centre": centres[1], "low": low, "high": high}


def mean_with_missing(index, data, missing, comparisons):
    """Student's interval, as wide as if some of the missing blocks were like the lowest, or like the highest."""
    values = [value for value, _ in data]
    counts = [0, *(2 ** i for i in range(missing) if 2 ** i < missing), missing]
    lists = [values + [end(values)] * count for count in counts for end in (min, max)]
    intervals = [stats.t.interval(1 - 0.04 / comparisons, len(all) - 1, numpy.mean(all), stats.sem(all)) for all in lists]
    return {"data": index, "missing": missing, "comparisons": comparisons, "centre": float(numpy.mean(values)),
            "low": float(min(low for low, _ in intervals)), "high": float(max(high for _, high in intervals))}


def runs(random):
    """Runs of boots [block, contender, iterations that count], some with a trend, some with something that is left behind."""
    for contenders, blocks, fall, left in [(2, 12, 0, 0), (2, 12, 0.01, 0), (2, 30, 0.004, 0), (3, 12, 0, 0.03), (3, 20, 0.01, 0.02),
                                           (2, 40, 0, 0.02), (2, 3, 0.1, 0), (3, 6, -0.02, 0)]:
        boots, before = [], None
        for block in range(blocks):
            for contender in random.permutation(contenders).tolist():
                # Boots of a scout are longer.
                length = 8 if block < 3 else 5
                level = left * (before == contenders - 1) - fall * (contender == 1) * numpy.arange(length)
                times = numpy.exp(level + random.normal(0, 0.005) + random.normal(0, 0.003, length))
                boots.append([block, contender, times.tolist()])
                before = contender
        yield boots


def pair(boots):
    """What is found of contenders 0 and 1: trend and what is left behind, each [what, size] or None."""
    level, matters, both, before = 0.02, 0.005, {}, None
    for block, contender, times in boots:
        if contender < 2:
            both.setdefault(block, {})[contender] = numpy.log(times), before
        before = contender
    slope = lambda logs: stats.linregress(numpy.arange(len(logs)), logs).slope
    slopes = numpy.array([slope(of[1][0]) - slope(of[0][0]) for of in both.values()])
    weights = numpy.array([min(numpy.var(numpy.arange(len(of[i][0]))) * len(of[i][0]) for i in (0, 1)) for of in both.values()])
    mean = numpy.average(slopes, weights=weights)
    error = numpy.sqrt(numpy.average((slopes - mean) ** 2, weights=weights) / (len(slopes) - 1))
    size = float(mean * (max(len(times) for _, _, times in boots) - 1))
    p = 2 * stats.t.sf(abs(mean) / error, len(slopes) - 1)
    enough = len(both) >= 4
    found = {"boots": boots, "trend": size if enough and p < level and abs(size) > matters else None, "carrier": None, "left": None}
    differences = [of[1][0].mean() - of[0][0].mean() for of in both.values()]
    carriers = sorted({of[i][1] for of in both.values() for i in (0, 1)} - {None})
    carried = []
    for carrier in carriers:
        follows = [(of[1][1] == carrier) * 1 - (of[0][1] == carrier) * 1 for of in both.values()]
        if not enough or numpy.ptp(follows) == 0:
            continue
        line = stats.linregress(follows, differences)
        carried.append((abs(line.slope) / line.stderr, line.pvalue, carrier, float(line.slope)))
    # What explains most, if it is one of the pair; of two that are one, whoever slows down the next.
    level /= 2 if len(carriers) > 2 else 1
    most = max((one[0] for one in carried), default=0)
    carried = [one for one in carried if one[0] > most * (1 - 1e-9) and one[1] < level and abs(one[3]) > matters and one[2] < 2]
    for _, _, carrier, left in ([one for one in carried if one[3] > 0] or carried)[:1]:
        found |= {"carrier": carrier, "left": left}
    return found


def sides(random):
    """Of blocks, the logarithms of the contender's boots and of the baseline's."""
    for n, spread in [(2, 0.1), (5, 0.3), (14, 0.02), (100, 0.02), (130, 0.2), (600, 0.1), (3, 2.0)]:
        common = random.normal(0, spread, n)
        yield [(common + random.normal(0.01, spread, n)).tolist(), (common + random.normal(0, spread, n)).tolist()]


def cost(index, pair, missing, comparisons):
    """Fieller's interval, by looking for the ratios at which Student's t is at its bound; and room for slow boots."""
    contender, baseline = numpy.exp(pair)
    level, n = 0.032 / comparisons / 2, len(contender)
    bound = stats.t.isf(level, n - 1)
    ratio = contender.mean() / baseline.mean()

    def beyond(log):
        rest = contender - numpy.exp(log) * baseline
        return abs(rest.mean()) / stats.sem(rest) - bound

    low = high = None
    if baseline.mean() / stats.sem(baseline) > bound and contender.mean() / stats.sem(contender) > bound:
        unseen = stats.beta.ppf(1 - level, 1, n) + missing / (n + missing)
        room = numpy.log1p(unseen / 2)
        # A finite interval has one root on each side.
        ends = [optimize.brentq(beyond, numpy.log(ratio), numpy.log(ratio) + side * 50, xtol=1e-15) for side in (-1, 1)]
        low, high = float(ends[0] - room), float(ends[1] + room)
    return {"pair": index, "missing": missing, "comparisons": comparisons, "centre": float(numpy.log(ratio)), "low": low, "high": high}


def tail(index, pair, share, missing, comparisons):
    """From an ordered value of one to an ordered value of the other; the missing ones may be anything."""
    level, n = 0.032 / comparisons / 4, len(pair[0]) + missing
    low = max((place for place in range(1, n + 1) if stats.binom.cdf(place - 1, n, share) <= level), default=0)
    high = min((place for place in range(1, n + 1) if stats.binom.sf(place - 1, n, share) <= level), default=n + 1)

    def ends(values):
        below = [-numpy.inf, *sorted([*values, *[-numpy.inf] * missing]), numpy.inf]
        above = [-numpy.inf, *sorted([*values, *[numpy.inf] * missing]), numpy.inf]
        return below[low], above[high]

    quantile = lambda values: sorted(values)[int(numpy.ceil(share * len(values) - 1e-12)) - 1]
    (low_c, high_c), (low_b, high_b) = (ends(values) for values in pair)
    finite = lambda end: float(end) if numpy.isfinite(end) else None
    return {"pair": index, "share": share, "missing": missing, "comparisons": comparisons,
            "centre": quantile(pair[0]) - quantile(pair[1]), "low": finite(low_c - high_b), "high": finite(high_c - low_b)}
