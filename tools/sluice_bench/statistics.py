"""Medians, bootstrap intervals, Mann-Whitney and geometric means, with fixed seeds.

Samples are runs of whole processes: few (9 or so), skewed to the slow side, and independent. So
nothing here assumes a normal distribution, and nothing keeps the fastest run only.
"""

import functools
import math
import random

SEED = 20231
RESAMPLES = 2000
CONFIDENCE = 0.95
# Up to this many values in all, Mann-Whitney counts every way to deal them out.
MOST_EXACT = 40


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def quantile(ordered, share):
    """Between the two neighbours of that place, of values that are sorted already."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def geometric_mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values))


def spread(values):
    """The middle half of the values, as a share of the median: how noisy they are."""
    ordered = sorted(values)
    return (quantile(ordered, 0.75) - quantile(ordered, 0.25)) / median(ordered)


@functools.lru_cache
def median_law(count):
    """Of `count` sorted values, an odd number, the median of a resample is one. The likelihood that
    it is the first, one of the first two, and so on: at least half of the draws fell there."""
    half = count // 2 + 1
    return [sum(math.comb(count, draws) * first ** draws * (count - first) ** (count - draws)
                for draws in range(half, count + 1)) / count ** count
            for first in range(1, count + 1)]


def resampled_medians(values, resamples, rng):
    """Medians of as many values drawn with replacement, so many times."""
    if len(values) % 2:
        return rng.choices(sorted(values), cum_weights=median_law(len(values)), k=resamples)
    return [median(rng.choices(values, k=len(values))) for _ in range(resamples)]


def resampled_ratios(above, below, resamples=RESAMPLES, seed=SEED):
    """Ratios of the medians of resamples of either side."""
    rng = random.Random(seed)
    return [a / b for a, b in zip(resampled_medians(above, resamples, rng),
                                  resampled_medians(below, resamples, rng))]


def interval_of(ratios, confidence=CONFIDENCE):
    ordered = sorted(ratios)
    cut = (1 - confidence) / 2
    return quantile(ordered, cut), quantile(ordered, 1 - cut)


def ratio_interval(above, below, resamples=RESAMPLES, seed=SEED):
    """The interval (percentile bootstrap) of the ratio of the two medians."""
    return interval_of(resampled_ratios(above, below, resamples, seed))


def geometric_interval(columns):
    """The interval of the geometric mean over cases, from the resampled ratios of each. These must
    have seeds of their own: with one seed the cases would all be lucky together."""
    return interval_of([geometric_mean(row) for row in zip(*columns)])


# --- Mann-Whitney ----------------------------------------------------------------------------


def doubled_ranks(values):
    """Twice the rank of each value (from 1 on; equal values share their mean): whole numbers."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0] * len(values)
    begin = 0
    while begin < len(order):
        end = begin
        while end < len(order) and values[order[end]] == values[order[begin]]:
            end += 1
        for place in order[begin:end]:
            ranks[place] = begin + 1 + end
        begin = end
    return ranks


def ways_by_sum(ranks, size):
    """How many ways there are to choose `size` of the ranks, by their sum."""
    ways = [{0: 1}] + [{} for _ in range(size)]
    for rank in ranks:
        for chosen in range(size - 1, -1, -1):
            into = ways[chosen + 1]
            for total, count in ways[chosen].items():
                into[total + rank] = into.get(total + rank, 0) + count
    return ways[size]


def exact_p(ranks, size, rank_sum):
    """The share of the ways whose sum is at least as far from the middle one as `rank_sum`."""
    middle = size * (len(ranks) + 1)
    off = abs(rank_sum - middle)
    ways = ways_by_sum(ranks, size)
    extreme = sum(count for total, count in ways.items() if abs(total - middle) >= off)
    return extreme / sum(ways.values())


def normal_p(ranks, size, rank_sum):
    """By the normal distribution, with the corrections for ties and for whole numbers."""
    total = len(ranks)
    other = total - size
    ties = sum(count ** 3 - count for count in map(ranks.count, set(ranks)))
    variance = size * other / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    off = max(abs(rank_sum / 2 - size * (total + 1) / 2) - 0.5, 0)
    return math.erfc(off / math.sqrt(2 * variance))


def mann_whitney(first, second):
    """(U of the first, two-sided p): are the values of one side systematically larger?"""
    ranks = doubled_ranks([*first, *second])
    rank_sum = sum(ranks[:len(first)])
    u = (rank_sum - len(first) * (len(first) + 1)) / 2
    count_all = len(ranks) <= MOST_EXACT
    return u, (exact_p if count_all else normal_p)(ranks, len(first), rank_sum)
