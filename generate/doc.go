// Package generate continues token sequences with a language model.
//
// One step turns the model's logits into the next id of every sequence: score processors in Hugging
// Face's order (chain.go), then the best id, a random one (sample.go) or the best continuations of
// several beams (beam.go). The options carry Hugging Face's names and meaning (transformers 4.48),
// so that a generation_config.json and a call of generate() mean here what they mean there.
//
// Three things hold that the reference does not promise:
//
//   - a prompt gives the same ids alone and in any batch: nothing is padded, every count starts at
//     the prompt's own length, and random draws never look at the neighbours;
//   - a seed gives the same ids on any machine: the draw for return sequence j at step t is a
//     function of (seed, j, t), and probabilities are summed in float64 in the order of the ids;
//   - ties go to the lower id, and among beams to the better-ranked one.
package generate
