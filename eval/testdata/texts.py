#!/usr/bin/env python3
"""Writes texts.json: sentences, tags and answers of our own with the figures of
the reference packages.

    python3 eval/testdata/texts.py evaluate-v2.0.py > eval/testdata/texts.json

with sacrebleu 2.6.0, seqeval 1.2.2 (at cd01b52), rouge_score 0.1.2 and NLTK 3.8
on PYTHONPATH, and the official script of SQuAD 2.0 as argument.
"""
import importlib.util
import json
import random
import sys
import warnings

import numpy as np
from nltk.stem.porter import PorterStemmer
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from seqeval.metrics import classification_report
from seqeval.metrics.sequence_labeling import get_entities, precision_recall_fscore_support
from seqeval.metrics.v1 import precision_recall_fscore_support as strict_scores
from seqeval.scheme import IOB2, Entities

warnings.simplefilter("ignore")
random.seed(20240607)
spec = importlib.util.spec_from_file_location("squad", sys.argv[1])
squad = importlib.util.module_from_spec(spec)
spec.loader.exec_module(squad)

WORDS = """the a an cat dog river runs running ran quickly slowly over under bridge old new city council
voted votes voting on water prices and, however, no one was there. It's 3.5 10,000 1990s -5 e-mail well-known
Zürich naïve café Σίσυφος ΟΔΟΣ İstanbul straße 東京 都 ١٢٣ x² ﬁne “quoted” (brackets) [x] {y} a/b & &amp; &lt;b&gt;
<skipped> $9.99 100% U.S. etc. ... ?! -- — '90s don't can't The AN A_b #tag @me a.b.c 1.2.3 ,x .y z, w.""".split()
SPACES = [" "] * 20 + ["  ", "\t", "\n", "\u00a0", "\u2003", "\x1d", " -\n"]


def sentence(n):
    return "".join(random.choice(WORDS) + random.choice(SPACES) for _ in range(n))


def changed(text):
    words = text.split(" ")
    for _ in range(random.randint(0, 1 + len(words) // 3)):
        i = random.randrange(len(words))
        words[i:i + 1] = random.choice([[], [random.choice(WORDS)], [words[i], words[i]], [words[i].lower()]])
        words = words or [""]
    return " ".join(words)


def translations():
    yield [["the cat"]], [""]
    yield [[""]], ["the cat"]
    yield [[""]], [""]
    yield [["a"]], ["a"]
    yield [["."]], ["."]
    yield [["one two three"]], ["one two three"]
    yield [["one two three four"]], ["one two three four"]
    yield [["x"]], ["y"]
    yield [["the the the", "the cat sat"]], ["the the cat"]
    yield [["xxxx", "y"], ["abc"]], ["q", "abc"]  # references that are equally bad
    for _ in range(40):
        refs = [[sentence(random.randint(1, 14)) for _ in range(1)] for _ in range(random.randint(1, 6))]
        for r in refs:
            r += [changed(r[0]) for _ in range(random.choice([0, 0, 1, 2]))]
        yield refs, [changed(r[0]) for r in refs]


def bleu(s):
    return [s.score, *s.precisions, s.bp, s.sys_len, s.ref_len]


def translated(want, got):
    width = max(map(len, want))
    streams = [[r[i] if i < len(r) else None for r in want] for i in range(width)]
    case = dict(want=want, got=got, corpus=bleu(BLEU().corpus_score(got, streams)), text=str(BLEU().corpus_score(got, streams)),
                lower=bleu(BLEU(lowercase=True).corpus_score(got, streams)),
                plain=bleu(BLEU(tokenize="none").corpus_score(got, streams)),
                sentence=bleu(BLEU(effective_order=True).sentence_score(got[0], want[0])),
                chrf=CHRF().corpus_score(got, streams).score,
                chrfpp=CHRF(word_order=2).corpus_score(got, streams).score,
                chrf3=CHRF(char_order=4, beta=3, lowercase=True).corpus_score(got, streams).score,
                chrfsentence=CHRF(word_order=2).sentence_score(got[0], want[0]).score)
    return case


def summaries():
    yield "", ""
    yield "testing one two", ""
    yield "", "w1"
    yield "w1 w2 w3", "/"
    yield "it runs on gas", "it run on ga"
    for _ in range(60):
        want = sentence(random.randint(1, 30)).replace("-\n", "\n")
        yield want, changed(want)


def summary(want, got):
    def all(stem):
        s = RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"], use_stemmer=stem).score(want, got)
        return [[v.precision, v.recall, v.fmeasure] for v in s.values()]
    return dict(want=want, got=got, plain=all(False), stem=all(True))


STEMS = """a be agree trouble care relation condition rational valence hesitance digit conform radical different vile
analog predict operat feudal decisive hopeful callous formal sensitiv sensible triplic form electric good reviv allow
infer airlin gyroscop adjust defens irrit replac depend adopt homolog commun activ angular effect bowdler probat rat
ceas control roll hop tan fall hiss fizz fail fil size hope enjoy spy fly sky tr y yes saying gas bus kiss baby cry
psycholog geolog theolog log catalog awful skill full will bell happ lie die tie pie yy ay eyed oed ab ob""".split()
ENDINGS = """s es ies sses ss ed eed ied ing ating bling izing y ational tional enci anci izer bli abli alli entli eli
ousli ization ation ator alism iveness fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful
ness al ance ence er ic able ible ant ement ment ent sion tion ion ou ism ate iti ous ive ize e ee l ll le""".split()
IRREGULAR = """skies sky dying lying tying news innings inning outings outing cannings canning howe proceed exceed succeed
dies died lies ties flies tied generalizations oscillators hopefully logically is as us the ing ed s""".split()


def stems():
    words = sorted(set(IRREGULAR + STEMS + [s + e for s in STEMS for e in ENDINGS] +
                       [s + random.choice(ENDINGS) + random.choice(ENDINGS) for s in STEMS for _ in range(10)]))
    p = PorterStemmer()
    return [[w, p.stem(w)] for w in words]


def tagged():
    yield [["O"]], [["O"]]
    yield [["B-PER"]], [["O"]]
    yield [["B", "I", "O", "B"]], [["B", "I", "I", "O"]]
    yield [["B-A-B", "I-A-B"]], [["B-A-B", "I-A-C"]]
    for i in range(60):
        letters = ["OBI", "OIE", "OBIES", "OI"][i % 4]
        def tags(n):
            return [t if t == "O" else t + "-" + random.choice(["PER", "LOC", "ORG", "X"][:random.randint(1, 4)])
                    for t in random.choices(letters, k=n)]
        sizes = [random.randint(1, 12) for _ in range(random.randint(1, 5))]
        want = [tags(n) for n in sizes]
        yield want, [[t if random.random() < .7 else random.choice(tags(1)) for t in s] for s in want]


def tags(want, got):
    def scores(f=precision_recall_fscore_support, **options):
        out = dict(types=sorted({e[0] for s in want + got for e in get_entities(s)}) if not options else
                   sorted(Entities(want, IOB2).unique_tags | Entities(got, IOB2).unique_tags))
        each = f(want, got, average=None, **options)
        out["each"] = [list(map(float, row)) for row in zip(*each)]
        for average in ("micro", "macro", "weighted"):
            if out["types"]:
                out[average] = [float(v) for v in f(want, got, average=average, **options)[:3]]
        return out
    case = dict(want=want, got=got, lenient=scores(),
                spans=[[list(e) for e in get_entities(s)] for s in want])
    if case["lenient"]["types"]:
        case["report"] = classification_report(want, got)
    if not any(t[0] in "ES" for s in want + got for t in s):
        case["strict"] = scores(strict_scores, scheme=IOB2)
    return case


def asked():
    yield [], ""
    yield [], "x"
    yield [], "The"
    yield ["the"], "a"
    yield ["the", "cat"], "a"
    yield ["The  Cat!", "dog"], "cat"
    yield ["U.S. Army"], "the us army"
    yield ["a_b an"], "ab"
    yield ["ΟΔΟΣ"], "οδος"
    yield ["İstanbul"], "i̇stanbul"
    yield ["théa the-an a"], "théa thean"
    for _ in range(100):
        want = [sentence(random.randint(0, 5)) for _ in range(random.randint(0, 3))]
        yield want, changed(random.choice(want)) if want and random.random() < .9 else sentence(random.randint(0, 2))


def answers():
    cases = [dict(want=w, got=g, normal=squad.normalize_answer(g)) for w, g in asked()]
    data = [dict(paragraphs=[dict(qas=[dict(id=str(i), answers=[dict(text=t) for t in c["want"]]) for i, c in enumerate(cases)])])]
    exact, f1 = squad.get_raw_scores(data, {str(i): c["got"] for i, c in enumerate(cases)})
    has = squad.make_qid_to_has_ans(data)
    for i, c in enumerate(cases):
        c["exact"], c["f1"] = float(exact[str(i)]), float(f1[str(i)])
    def of(keep):
        d = squad.make_eval_dict(exact, f1, [k for k in has if keep(has[k])])
        return [d["exact"], d["f1"], d["total"]]
    return dict(cases=cases, all=of(lambda h: True), has=of(lambda h: h), no=of(lambda h: not h))


def cases():
    letters = "ΣσςΑαİiIΑ  '.:·’_-1\u0301\u00ad\u02b0ªǅ中\u0387‧︓：^"
    texts = ["".join(random.choices(letters, k=random.randint(1, 9))) for _ in range(400)]
    return [[t, t.lower()] for t in texts]


def tokenized():
    texts = [sentence(random.randint(1, 12)) for _ in range(60)] + [chr(c) + "x" + chr(c) + "1" + chr(c) + chr(c) for c in range(32, 127)]
    return [[t, Tokenizer13a()(t)] for t in texts]


json.dump(dict(
    translations=[translated(*c) for c in translations()],
    tokens=tokenized(),
    cases=cases(),
    summaries=[summary(*c) for c in summaries()],
    stems=stems(),
    tags=[tags(*c) for c in tagged()],
    squad=answers(),
), sys.stdout, separators=(",", ":"))
print()
