//go:build ignore

// Writes the files of this folder, by github.com/parquet-go/parquet-go v0.32.0, in a
// module of its own: go run make.go.
package main

import (
	"fmt"
	"os"

	"github.com/parquet-go/parquet-go"
)

// row is one row; parquet_test.go makes the same ones.
type row struct {
	ID     int64    `parquet:"id,delta"`
	Text   string   `parquet:"text"`
	Label  string   `parquet:"label,dict"`
	Score  *float64 `parquet:"score,optional"`
	Small  *int32   `parquet:"small,optional,dict"`
	OK     bool     `parquet:"ok"`
	Tags   []string `parquet:"tags,list"`
	Days   uint32   `parquet:"days,delta"`
	Name   string   `parquet:"name,delta"`
	Weight float32  `parquet:"weight,split"`
	Image  image    `parquet:"image"`
}

type image struct {
	Bytes []byte `parquet:"bytes,optional"`
	Path  string `parquet:"path,optional"`
}

func rows(n int) (all []row) {
	for i := range n {
		r := row{ID: int64(i*i) - 50, Text: fmt.Sprintf("text number %d of them", i), Label: []string{"good", "bad", "neither"}[i%3],
			OK: i%5 < 2, Days: uint32(4000000000 + i), Name: fmt.Sprintf("prefix-%03d", i/4), Weight: float32(i) / 8,
			Image: image{[]byte{byte(i), 0, 255}, fmt.Sprint(i, ".png")}}
		if i%4 != 1 {
			score := float64(i) / 3
			r.Score = &score
		}
		if i%7 != 0 {
			small := int32(i%6 - 3)
			r.Small = &small
		}
		for k := range i % 4 {
			r.Tags = append(r.Tags, fmt.Sprintf("t%d", (i+k)%5))
		}
		all = append(all, r)
	}
	return all
}

func main() {
	for name, options := range map[string][]parquet.WriterOption{
		"plain":  {parquet.DataPageVersion(1)},
		"snappy": {parquet.Compression(&parquet.Snappy), parquet.DataPageVersion(1)},
		"gzip":   {parquet.Compression(&parquet.Gzip), parquet.DataPageVersion(2)},
		"zstd":   {parquet.Compression(&parquet.Zstd), parquet.DataPageVersion(2)},
		"lz4":    {parquet.Compression(&parquet.Lz4Raw), parquet.DataPageVersion(1)},
		"brotli": {parquet.Compression(&parquet.Brotli), parquet.DataPageVersion(1)},
	} {
		f, err := os.Create(name + ".parquet")
		if err != nil {
			panic(err)
		}
		options = append(options, parquet.PageBufferSize(400), parquet.MaxRowsPerRowGroup(90),
			parquet.KeyValueMetadata("huggingface", `{"info": {"features": {"small": {"names": ["a", "b"], "_type": "ClassLabel"}}}}`))
		w := parquet.NewGenericWriter[row](f, options...)
		if _, err := w.Write(rows(200)); err != nil {
			panic(err)
		}
		if err := w.Close(); err != nil {
			panic(err)
		}
		f.Close()
	}
}
