package main

func writeLoops(a *assembly, g *declarations, m *machine, constants map[string]float64) {}
