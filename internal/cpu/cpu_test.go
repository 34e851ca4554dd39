package cpu

import (
	"os"
	"strings"
	"testing"
)

func TestCachesAreSane(t *testing.T) {
	_, c := Read()
	if c.L1 < 4<<10 || c.L1 > 1<<20 || c.L2 < c.L1 || c.L3 < c.L1 {
		t.Errorf("cache sizes %+v are not those of a processor", c)
	}
	if have := (Caches{L2: 7}).withDefaults(); have != (Caches{defaultL1, 7, defaultL3}) {
		t.Errorf("withDefaults changed a size that was read: %+v", have)
	}
}

// TestFeaturesAgreeWithLinux holds CPUID to what the kernel reports.
func TestFeaturesAgreeWithLinux(t *testing.T) {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || !strings.Contains(string(text), "flags\t") {
		t.Skip("no /proc/cpuinfo of this form here")
	}
	line, _, _ := strings.Cut(string(text)[strings.Index(string(text), "flags\t"):], "\n")
	has := make(map[string]bool)
	for _, flag := range strings.Fields(line) {
		has[flag] = true
	}
	f, _ := Read()
	if want := has["avx2"] && has["fma"] && has["f16c"]; f.AVX2 != want {
		t.Errorf("AVX2: have %v, /proc/cpuinfo says %v", f.AVX2, want)
	}
	if want := f.AVX2 && has["avx512f"] && has["avx512bw"] && has["avx512dq"] && has["avx512vl"]; f.AVX512 != want {
		t.Errorf("AVX512: have %v, /proc/cpuinfo says %v", f.AVX512, want)
	}
	if want := f.AVX512 && has["avx512_vnni"]; f.VNNI != want {
		t.Errorf("VNNI: have %v, /proc/cpuinfo says %v", f.VNNI, want)
	}
	if want := f.AVX512 && has["avx512_bf16"]; f.BF16 != want {
		t.Errorf("BF16: have %v, /proc/cpuinfo says %v", f.BF16, want)
	}
	if want := f.AVX2 && has["avx_vnni"]; f.AVXVNNI != want {
		t.Errorf("AVXVNNI: have %v, /proc/cpuinfo says %v", f.AVXVNNI, want)
	}
}
