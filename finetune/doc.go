// Package finetune gives a pretrained network, or one made from nothing, a task
// of one's own: from labelled files to a Hugging Face folder that predicts, and
// to the report that says how far it can be trusted.
//
//	files.go    Data: files → examples, split
//	model.go    Open, Load, Save: a folder and its head
//	scratch.go  New: a network of a kind, without values
//	fit.go      Fit: training with evaluations
//	report.go   Evaluate: every metric that fits the task, with intervals
//	options.go  Options: all of a run in one file; Run does it
package finetune
