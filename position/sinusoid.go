package position

import "github.com/qkvgo/qkv/internal/portable"

// Sinusoids is the table [rows, width] of Vaswani et al. 2017, §3.5, to be added
// to embeddings: row pos has, for i = 0 … width/2,
//
//	sin(pos / 10000^(2i/width))  and  cos(pos / 10000^(2i/width))
//
// in columns 2i and 2i+1; with halves, as Marian and Pegasus have it, all sines
// come first, then all cosines.
func Sinusoids(rows, width int, halves bool) []float32 {
	table := make([]float32, rows*width)
	for pos := range rows {
		row := table[pos*width:][:width]
		for i := range (width + 1) / 2 {
			sin, cos := portable.Sincos(float64(pos) / portable.Pow(10000, float64(2*i)/float64(width)))
			atSin, atCos := 2*i, 2*i+1
			if halves {
				atSin, atCos = i, (width+1)/2+i
			}
			row[atSin] = float32(sin)
			if atCos < width {
				row[atCos] = float32(cos)
			}
		}
	}
	return table
}
