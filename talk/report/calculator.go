package report

import (
	"fmt"
	"strings"
)

// Calculator says what training a Transformer costs: 6 operations for each parameter
// and token. A reader may change what goes in; paper and Markdown have the first
// values.
type Calculator struct {
	Caption    Text    `json:"caption"`
	Parameters float64 `json:"parameters"`
	Tokens     float64 `json:"tokens"`  // read in training
	Speed      float64 `json:"speed"`   // operations a second that one device really does
	Devices    float64 `json:"devices"` //
	Price      float64 `json:"price"`   // of a device and hour
}

// Cost is what a Calculator says.
type Cost struct {
	Operations float64
	DeviceDays float64
	Days       float64 // on all devices together
	Money      float64
}

// Cost computes.
func (c Calculator) Cost() Cost {
	ops := 6 * c.Parameters * c.Tokens
	hours := ops / c.Speed / 3600
	return Cost{ops, hours / 24, hours / 24 / c.Devices, hours * c.Price}
}

func (Calculator) kind() string { return "calculator" }

// inputs are what a reader may change.
func (c Calculator) inputs() []struct {
	id, name string
	value    float64
} {
	return []struct {
		id, name string
		value    float64
	}{{"n", "parameters", c.Parameters}, {"t", "tokens to read", c.Tokens}, {"s", "operations a second, one device", c.Speed}, {"d", "devices", c.Devices}, {"p", "price of a device and hour", c.Price}}
}

// outputs are what comes out.
func (c Calculator) outputs() []struct{ id, name, value string } {
	x := c.Cost()
	return []struct{ id, name, value string }{{"ops", "operations", Figure(x.Operations)}, {"dd", "device-days", Figure(x.DeviceDays)}, {"days", "days on all devices", Figure(x.Days)}, {"money", "price", Figure(x.Money)}}
}

func (c Calculator) html(w *page) {
	w.WriteString(`<form class="calculator" onsubmit="return false"><div class="inputs">`)
	for _, in := range c.inputs() {
		fmt.Fprintf(w, `<label>%s<input data-in="%s" inputmode="decimal" value="%s"></label>`, in.name, in.id, strings.ReplaceAll(fmt.Sprintf("%.3g", in.value), "e+", "e"))
	}
	w.WriteString(`</div><dl class="facts">`)
	for _, out := range c.outputs() {
		fmt.Fprintf(w, `<div><dt>%s</dt><dd data-out="%s">%s</dd></div>`, out.name, out.id, out.value)
	}
	w.WriteString(`</dl><p class="caption">` + c.Caption.HTML() + `</p></form>`)
}

func (c Calculator) markdown(w *notes) {
	t := Table{Caption: c.Caption, Columns: []Column{{Name: ""}, {Name: "", Right: true}}}
	for _, in := range c.inputs() {
		t.Rows = append(t.Rows, []Text{Text(in.name), Plain(Figure(in.value))})
	}
	for _, out := range c.outputs() {
		t.Rows = append(t.Rows, []Text{Text("**" + out.name + "**"), Plain(out.value)})
	}
	t.markdown(w)
}
