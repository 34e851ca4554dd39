#!/usr/bin/env python3
"""Writes reference.json: random and edge cases with the figures of scikit-learn,
SciPy and statsmodels.

    python3 eval/testdata/reference.py > eval/testdata/reference.json

with Debian 12's python3-sklearn 1.2.1, python3-scipy 1.10.1, python3-numpy 1.24.2
and python3-statsmodels 0.13.5. A figure that the library calls undefined (nan or
an exception) is null.
"""
import json
import sys
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics as m
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

warnings.simplefilter("ignore")
rng = np.random.default_rng(20240607)


def number(f):
    try:
        v = float(f())
    except ValueError:
        return None
    return v if np.isfinite(v) else None


def classes(want, got, n):
    labels = list(range(n))
    p, r, f, s = m.precision_recall_fscore_support(want, got, labels=labels, zero_division=0)
    case = dict(
        want=want, got=got, n=n,
        confusion=m.confusion_matrix(want, got, labels=labels).tolist(),
        accuracy=m.accuracy_score(want, got),
        each=[list(map(float, row)) for row in zip(p, r, f, s)],
        mcc=number(lambda: m.matthews_corrcoef(want, got)),
        kappa=[number(lambda w=w: m.cohen_kappa_score(want, got, labels=labels, weights=w))
               for w in (None, "linear", "quadratic")],
        # With nothing right this version prints supports as 1.0, so no report there.
        report=m.classification_report(want, got, zero_division=0) if m.accuracy_score(want, got) > 0 else "",
    )
    for average in ("micro", "macro", "weighted"):
        p, r, f, _ = m.precision_recall_fscore_support(want, got, average=average, zero_division=0)
        case[average] = [float(p), float(r), float(f)]
    return case


def classified():
    yield [0], [0], 1
    yield [0], [1], 2
    yield [0, 0, 0], [0, 0, 0], 3      # one class
    yield [0, 1, 2], [1, 2, 0], 3      # all wrong
    yield [0, 1, 1, 1], [0, 0, 0, 0], 4  # one class got, two absent
    yield [3, 3, 1], [1, 3, 0], 6      # absent labels in the middle
    yield [0, 1, 2, 3], [0, 1, 2, 3], 4
    for _ in range(40):
        n, rows = int(rng.integers(2, 8)), int(rng.integers(1, 80))
        want = rng.integers(0, n, rows)
        got = np.where(rng.random(rows) < rng.random(), want, rng.integers(0, n, rows))
        yield want.tolist(), got.tolist(), n


def scored():
    yield [1, 0], [0.5, 0.5]
    yield [0, 1], [0.1, 0.9]
    yield [1, 0], [0.1, 0.9]
    yield [1, 1, 1], [0.1, 0.2, 0.2]
    yield [0, 0], [0.1, 0.2]
    yield [1, 0, 1, 0], [0.0, 0.0, 1.0, 1.0]
    for i in range(40):
        rows = int(rng.integers(2, 60))
        score = rng.random(rows)
        if i % 2:
            score = np.round(score, 1)  # ties
        yield rng.integers(0, 2, rows).tolist(), score.tolist()


def binary(want, score):
    both = len(set(want)) == 2
    return dict(want=want, score=score,
                auc=number(lambda: m.roc_auc_score(want, score)),
                ap=number(lambda: m.average_precision_score(want, score)) if sum(want) else None,
                brier=number(lambda: m.brier_score_loss(want, score)) if both else None)


def multi():
    for i in range(30):
        n, rows = int(rng.integers(3, 7)), int(rng.integers(8, 60))
        want = np.concatenate([np.arange(n), rng.integers(0, n, rows - n)]) if rows > n else np.arange(n)
        p = rng.random((len(want), n)) ** 3
        if i % 3 == 1:
            p = np.round(p, 1) + 0.05
        p /= p.sum(1, keepdims=True)
        if i % 3 == 2:  # certain, some of it wrongly
            p = np.eye(n)[rng.integers(0, n, len(want))]
        k = int(rng.integers(1, n))
        want, p = want.tolist(), p
        yield dict(want=want, p=p.tolist(), k=k,
                   topk=number(lambda: m.top_k_accuracy_score(want, p, k=k, labels=range(n))),
                   logloss=number(lambda: m.log_loss(want, p, labels=range(n))),
                   macro=number(lambda: m.roc_auc_score(want, p, multi_class="ovr", average="macro")),
                   weighted=number(lambda: m.roc_auc_score(want, p, multi_class="ovr", average="weighted")))


def numbers():
    def case(x, y):
        return dict(x=x, y=y, mse=number(lambda: m.mean_squared_error(x, y)),
                    mae=number(lambda: m.mean_absolute_error(x, y)),
                    r2=number(lambda: m.r2_score(x, y)),
                    pearson=number(lambda: stats.pearsonr(x, y)[0]),
                    spearman=number(lambda: stats.spearmanr(x, y)[0]) if len(x) > 1 else None,
                    kendall=number(lambda: stats.kendalltau(x, y)[0]))

    yield case([1.0], [2.0])
    yield case([1.0, 1.0], [1.0, 1.0])
    yield case([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])
    yield case([1.0, 2.0], [2.0, 1.0])
    yield case([1e8, 1e8 + 1, 1e8 + 2], [3.0, 4.0, 6.0])
    for i in range(40):
        rows = int(rng.integers(2, 70))
        x = rng.normal(size=rows)
        y = rng.normal() * x + rng.normal(size=rows)
        if i % 2:
            x, y = np.round(x), np.round(y)
        yield case(x.tolist(), y.tolist())


def ranked():
    for i in range(40):
        docs = int(rng.integers(2, 30))
        gain = rng.integers(0, 4, docs).astype(float)
        gain[0] = 1
        score = rng.random(docs) if i % 2 else np.round(rng.random(docs), 1)
        k = int(rng.integers(1, docs + 1))
        hit = (gain > 1).astype(int)
        yield dict(gain=gain.tolist(), score=score.tolist(), k=k,
                   at=float(m.ndcg_score([gain], [score], k=k)),
                   all=float(m.ndcg_score([gain], [score])),
                   hit=hit.tolist(),
                   map=number(lambda: m.average_precision_score(hit, score)) if hit.any() and i % 2 else None)


def trust():
    for right, n, level in [(0, 1, .95), (1, 1, .95), (0, 10, .9), (10, 10, .99), (7, 10, .95), (980, 1000, .95),
                            (3, 7, .5), (123456, 200000, .95), (1, 1000000, .999)]:
        low, high = proportion_confint(right, n, 1 - level, "wilson")
        yield dict(right=right, n=n, level=level, low=float(low), high=float(high))


def coins():
    for b, c in [(0, 0), (0, 1), (1, 0), (5, 5), (2, 9), (10, 3), (30, 50), (300, 200), (0, 40), (1000, 1100)]:
        table = [[11, b], [c, 13]]
        exact = mcnemar(table, exact=True)
        chi = mcnemar(table, exact=False, correction=True) if b != c else None
        yield dict(b=b, c=c, exact=float(exact.pvalue) if b + c else 1.0,
                   chi=float(chi.statistic) if chi else 0.0, p=float(chi.pvalue) if chi else 1.0)


json.dump(dict(
    classes=[classes(*c) for c in classified()],
    binary=[binary(*c) for c in scored()],
    multi=list(multi()),
    numbers=list(numbers()),
    ranked=list(ranked()),
    wilson=list(trust()),
    mcnemar=list(coins()),
), sys.stdout, separators=(",", ":"))
print()
