package kernel

// plainInt8 is AVX2 as it is without AVX-VNNI.
func plainInt8() []*Set {
	s, err := Choose("avx2")
	if err != nil {
		return nil
	}
	plain := *s
	plain.Name, plain.int8 = "avx2 without VNNI", int8AVX2()
	return []*Set{&plain}
}
