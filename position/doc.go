// Package position tells attention where rows stand: rotations of queries and
// keys, and terms that add to the scores what distances have to say. Tables of
// positions that are added to embeddings are on the pages that have them.
package position
