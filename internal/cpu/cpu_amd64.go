package cpu

// cpuid executes CPUID with the given leaf (EAX) and subleaf (ECX).
func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// xgetbv reads the register that says which vector state the system saves.
func xgetbv() (eax, edx uint32)

// Bits of CPUID and XCR0 (Intel, Software Developer's Manual, volume 2A,
// CPUID; AMD, Architecture Programmer's Manual, volume 3, appendix E).
const (
	leaf1FMA     = 1 << 12 // ECX
	leaf1OSXSAVE = 1 << 27 // ECX
	leaf1AVX     = 1 << 28 // ECX
	leaf1F16C    = 1 << 29 // ECX
	leaf7AVX2    = 1 << 5  // EBX
	leaf7AVX512F = 1 << 16 // EBX
	leaf7DQ      = 1 << 17 // EBX
	leaf7BW      = 1 << 30 // EBX
	leaf7VL      = 1 << 31 // EBX
	leaf7VNNI    = 1 << 11 // ECX
	leaf7AVXVNNI = 1 << 4  // EAX of subleaf 1
	leaf7BF16    = 1 << 5  // EAX of subleaf 1
	stateYMM     = 0x06    // XMM and YMM
	stateZMM     = 0xe6    // opmask, both halves of ZMM, XMM and YMM
)

// Read returns what this processor can do.
func Read() (Features, Caches) {
	last, _, _, _ := cpuid(0, 0)
	if last < 7 {
		return Features{}, Caches{}.withDefaults()
	}
	return features(), caches(last).withDefaults()
}

func features() (f Features) {
	_, _, ecx1, _ := cpuid(1, 0)
	const needed = leaf1FMA | leaf1OSXSAVE | leaf1AVX | leaf1F16C
	if ecx1&needed != needed {
		return f
	}
	state, _ := xgetbv()
	subleaves, ebx7, ecx7, _ := cpuid(7, 0)
	f.AVX2 = state&stateYMM == stateYMM && ebx7&leaf7AVX2 != 0
	const all512 = leaf7AVX512F | leaf7DQ | leaf7BW | leaf7VL
	f.AVX512 = f.AVX2 && state&stateZMM == stateZMM && ebx7&all512 == all512
	f.VNNI = f.AVX512 && ecx7&leaf7VNNI != 0
	if subleaves >= 1 {
		eax71, _, _, _ := cpuid(7, 1)
		f.AVXVNNI = f.AVX2 && eax71&leaf7AVXVNNI != 0
		f.BF16 = f.AVX512 && eax71&leaf7BF16 != 0
	}
	return f
}

// caches walks the deterministic cache parameters: leaf 4 on Intel, leaf
// 0x8000001d, which has the same form, on AMD.
func caches(last uint32) (c Caches) {
	leaf := uint32(4)
	if ext, _, _, _ := cpuid(0x80000000, 0); ext >= 0x8000001d {
		if a, _, _, _ := cpuid(0x8000001d, 0); a&31 != 0 {
			leaf = 0x8000001d
		}
	}
	if leaf == 4 && last < 4 {
		return c
	}
	for i := uint32(0); i < 16; i++ {
		eax, ebx, ecx, _ := cpuid(leaf, i)
		kind, level := eax&31, eax>>5&7
		if kind == 0 { // no more caches
			break
		}
		if kind == 2 { // instructions only
			continue
		}
		ways, partitions, line := int(ebx>>22)+1, int(ebx>>12&0x3ff)+1, int(ebx&0xfff)+1
		size := ways * partitions * line * (int(ecx) + 1)
		switch level {
		case 1:
			c.L1 = size
		case 2:
			c.L2 = size
		case 3:
			c.L3 = size
		}
	}
	return c
}
