// Package attention is the seam where queries meet keys: a page makes Q, K and
// V, a Core owns what happens between them and returns the mix.
//
// A Core has slots. Its Pattern says which pairs may meet, its Terms add to the
// scores, its Mechanism computes the mix; the zero value of each is what Vaswani
// et al. 2017, §3.2.1, have:
//
//	O = softmax(Q·Kᵀ/√Dk)·V
//
// Sequences are row ranges of a batch (nn.Batch). Their lengths differ freely
// and nothing is padded. Inside a sequence queries and keys are counted from 0;
// with a pass's Memory the rows of earlier passes count too.
//
// # Exact softmax, to the bit
//
// Keys are taken in tiles of 64 (Tile) counted from key 0 of their sequence. For
// each query, tile after tile:
//
//	s_j  = Σ_d q_d·k_jd      one chain of fused multiply–adds, d ascending from 0
//	s_j  = s_j·scale         then cap·tanh(s_j·(1/cap)), if there is a cap
//	s_j += terms             in their order
//	s_j  = −Inf              where the pattern hides the key
//	p, m, l, corr = kernel.SoftmaxTile(s, m, l)
//	O_d  = O_d·corr, then O_d = fma(p_j, v_jd, O_d), j ascending
//
// and at the end O·(1/l) + 0, and the log-sum-exp m + ln l. A query without any
// key gives zeros and −Inf. Hidden keys have weight zero, so leaving out tiles
// nobody sees changes no bit (the final + 0 makes the zeros' signs agree); so
// neither a cache nor the rest of the batch nor the number of threads changes
// one either.
//
// # Memories in narrower types
//
// nn.Memory.Cache says how keys and values are kept, those of the pass itself
// among them. In bfloat16 they are rounded, to nearest, and the above holds for
// what they then are. In int8 a key k becomes whole numbers and a scale,
// kernel.QuantizeRow, and so does a value v:
//
//	s_j = (Σ_d q_d·k_jd)·kscale_j, then ·scale
//	O_d = fma(p_j·vscale_j, v_jd, O_d)
//
// Terms that read keys are given k_jd·kscale_j.
package attention
