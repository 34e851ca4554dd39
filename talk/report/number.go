package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Format is how the numbers of an axis or a figure are written.
type Format string

// The formats.
const (
	Number  Format = ""        // 1,234 · 0.125 · 2.0e-5
	Percent Format = "percent" // 0.873 is 87 %
	Clock   Format = "seconds" // 3.2 s · 2 min 05 s
	Bytes   Format = "bytes"   // 1.5 MB
	Power   Format = "power"   // 10⁻⁴
)

// Write is x in the format.
func (f Format) Write(x float64) string {
	switch f {
	case Percent:
		return minus(trim(strconv.FormatFloat(math.Round(1000*x)/10+0, 'f', 1, 64))) + " %"
	case Clock:
		return Duration(time.Duration(x * float64(time.Second)))
	case Bytes:
		return Size(x)
	case Power:
		if e := math.Log10(x); math.Abs(e-math.Round(e)) < 1e-9 {
			e = math.Round(e)
			return "10" + superscript(int(e))
		}
	}
	return Figure(x)
}

// Figure writes a number with about three digits that matter: 12,345 · 87.3 ·
// 0.0125 · 3.2 × 10⁻⁷.
func Figure(x float64) string {
	size := math.Abs(x)
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "–"
	case x == 0:
		return "0"
	case size >= 1e10 || size < 1e-4:
		e := int(math.Floor(math.Log10(size) + 1e-12))
		return trim(strconv.FormatFloat(x/math.Pow(10, float64(e)), 'f', 2, 64)) + " × 10" + superscript(e)
	case size >= 100 || x == math.Round(x):
		return Whole(int64(math.Round(x)))
	case size >= 10:
		return minus(trim(strconv.FormatFloat(x, 'f', 1, 64)))
	case size >= 1:
		return minus(trim(strconv.FormatFloat(x, 'f', 2, 64)))
	}
	return minus(trim(strconv.FormatFloat(x, 'f', min(2-int(math.Floor(math.Log10(size))), 6), 64)))
}

// trim leaves out zeros at the end of a fraction.
func trim(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// minus gives a number its proper sign.
func minus(s string) string { return strings.Replace(s, "-", "−", 1) }

// Whole writes a whole number with commas: 1,234,567.
func Whole(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Share writes a fraction as percent with one decimal: 87.3 %.
func Share(x float64) string { return minus(strconv.FormatFloat(100*x, 'f', 1, 64)) + " %" }

// Size writes bytes: 512 B, 1.5 kB, 3.2 MB.
func Size(bytes float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	i := 0
	for bytes >= 999.5 && i < len(units)-1 {
		bytes /= 1000
		i++
	}
	return Figure(bytes) + " " + units[i]
}

// Duration writes a time: 850 µs, 12 ms, 3.2 s, 2 min 05 s, 3 h 07 min, 12 days.
func Duration(d time.Duration) string {
	s := d.Seconds()
	switch {
	case s == 0:
		return "0 s"
	case s < 0.001:
		return Figure(s*1e6) + " µs"
	case s < 0.9995:
		return Figure(s*1e3) + " ms"
	case s < 59.95:
		return trim(strconv.FormatFloat(s, 'f', 1, 64)) + " s"
	case s < 3599.5:
		n := int(math.Round(s))
		return fmt.Sprintf("%d min %02d s", n/60, n%60)
	case s < 48*3600:
		n := int(math.Round(s / 60))
		return fmt.Sprintf("%d h %02d min", n/60, n%60)
	}
	return Figure(s/86400) + " days"
}

// superscript writes an exponent.
func superscript(n int) string {
	return strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷",
		"8", "⁸", "9", "⁹").Replace(strconv.Itoa(n))
}
