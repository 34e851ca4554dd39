//go:build !linux

package measure

func resetResident() {}

func highestResident() int64 { return 0 }
