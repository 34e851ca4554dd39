// Package safetensors reads and writes the safetensors format: named arrays of
// numbers in one file or in several (shards).
//
// A file is
//
//	8 bytes   length n of the header, little endian
//	n bytes   header, JSON: {"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},…}
//	the rest  the arrays' bytes, little endian, last dimension fastest, without gaps
//
// with an optional entry "__metadata__" of strings. [Open] maps the file and
// checks the whole header before any number is handed out; everything that is
// wrong with it is listed in one [FormatError]. What it returns are views of the
// mapping: opening reads the header only, whatever the size of the file.
//
// [Write] lays a file out as the reference implementation does, so that a file
// which was read and written again has the same bytes.
package safetensors
