package eval

import (
	"fmt"
	"math"
)

// NDCG is the normalized discounted cumulative gain of one query among its first k
// documents (Järvelin & Kekäläinen 2002, section 2.2): Σ gain_r / log₂(r + 1) over
// ranks r = 1 … k, over the same sum in the best order. Documents of equal score
// share the mean of their gains, as ndcg_score of scikit-learn. k of 0 means all.
// It is undefined where no document has a gain.
func NDCG(gains, scores []float64, k int) (float64, error) {
	if err := columns("ndcg", gains, scores, 1); err != nil {
		return 0, err
	}
	for i, g := range gains {
		if g < 0 {
			return 0, fmt.Errorf("eval: ndcg: gain %d is %v: want 0 or more", i, g)
		}
	}
	if k < 0 {
		return 0, fmt.Errorf("eval: ndcg: k is %d: want 1 or more, or 0 for all", k)
	}
	best := discounted(gains, gains, k)
	if best == 0 {
		return 0, undefined("ndcg", "no document has a gain")
	}
	v, err := inRange("ndcg", discounted(gains, scores, k)/best)
	return min(v, 1), err
}

// discounted is the discounted cumulative gain in descending order of scores.
func discounted(gains, scores []float64, k int) float64 {
	if k == 0 {
		k = len(gains)
	}
	var sum float64
	rank := 1
	groups(byScore(scores), scores, func(run []int) {
		var gain, discount float64
		for _, i := range run {
			gain += gains[i]
			if rank <= k {
				discount += 1 / math.Log2(float64(rank+1))
			}
			rank++
		}
		sum += float64(gain / float64(len(run)) * discount)
	})
	return sum
}

// Ranked is what a search returned for one query, best first.
type Ranked struct {
	Hits     []bool // of each document returned: is it relevant
	Relevant int    // how many relevant documents there are, returned or not
}

// Rank puts documents in descending order of score, equals in the order given.
func Rank(relevant []bool, scores []float64) (Ranked, error) {
	n, err := binary("rank", relevant, scores)
	if err != nil {
		return Ranked{}, err
	}
	r := Ranked{Relevant: n}
	for _, i := range byScore(scores) {
		r.Hits = append(r.Hits, relevant[i])
	}
	return r, nil
}

// first counts the hits among the first k documents.
func (r Ranked) first(k int) float64 {
	hits := 0
	for _, hit := range r.Hits[:min(max(k, 0), len(r.Hits))] {
		if hit {
			hits++
		}
	}
	return float64(hits)
}

// Precision is the share of the first k places that hold a relevant document;
// places that the search left empty count as misses, as trec_eval's P. 0 for k < 1.
func (r Ranked) Precision(k int) float64 { return ratio(r.first(k), float64(max(k, 0))) }

// Recall is the share of the relevant documents among the first k (trec_eval's
// recall). 0 where there are none.
func (r Ranked) Recall(k int) float64 { return ratio(r.first(k), float64(r.Relevant)) }

// ReciprocalRank is 1 / rank of the first relevant document, 0 without one.
func (r Ranked) ReciprocalRank() float64 {
	for i, hit := range r.Hits {
		if hit {
			return 1 / float64(i+1)
		}
	}
	return 0
}

// AveragePrecision is the mean of the precision at each relevant document; those
// not returned count 0 (trec_eval's map, of one query). 0 where there are none.
func (r Ranked) AveragePrecision() float64 {
	var sum, hits float64
	for i, hit := range r.Hits {
		if hit {
			hits++
			sum += hits / float64(i+1)
		}
	}
	return ratio(sum, float64(r.Relevant))
}

// Search holds means over queries.
type Search struct {
	MRR       float64 `json:"mrr"`
	MAP       float64 `json:"map"`
	Precision float64 `json:"precision"` // among the first K
	Recall    float64 `json:"recall"`    // among the first K
	K         int     `json:"k"`
	Queries   int     `json:"queries"`
}

// Searches are the means over queries, with precision and recall among the first
// k. A query without a relevant document cannot be answered and is an error.
func Searches(queries []Ranked, k int) (Search, error) {
	if len(queries) == 0 {
		return Search{}, fmt.Errorf("eval: searches: no queries")
	}
	if k < 1 {
		return Search{}, fmt.Errorf("eval: searches: k is %d: want at least 1", k)
	}
	s := Search{K: k, Queries: len(queries)}
	n := float64(len(queries))
	for i, q := range queries {
		if q.Relevant < 1 {
			return Search{}, undefined("searches", fmt.Sprintf("query %d has no relevant document", i))
		}
		if hits := int(q.first(len(q.Hits))); hits > q.Relevant {
			return Search{}, fmt.Errorf("eval: searches: query %d has %d hits but %d relevant documents", i, hits, q.Relevant)
		}
		s.MRR += q.ReciprocalRank() / n
		s.MAP += q.AveragePrecision() / n
		s.Precision += q.Precision(k) / n
		s.Recall += q.Recall(k) / n
	}
	return s, nil
}
