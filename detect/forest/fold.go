package forest

import "slices"

// maxFold bounds the steps that folding takes; what is beyond stays as it is.
const maxFold = 3_000_000

// many is what a place depends on that depends on more than one tree, or on the row itself.
const many = -2

// fold shortens a program. What skl2onnx writes for a tree turns the number of a leaf into a length by some twenty steps that use
// nothing else: their result for each leaf is computed once and becomes the weight of the leaf.
func fold(program []step, memory []float64, score int) []step {
	source := map[int]int{} // by place: the step of the tree that it depends on alone
	of := func(s *step) int {
		from := -1 // constants
		for _, p := range s.in {
			if k, computed := source[p.at]; computed && k != from {
				if from != -1 {
					return many
				}
				from = k
			}
		}
		return from
	}
	groups := map[int][]int{} // by the step of a tree: the steps that depend on it alone
	for i := range program {
		s := &program[i]
		switch k := of(s); {
		case s.code == opTrees && len(s.trees.roots) == 1:
			source[s.out.at] = i
		case k < 0 || s.out.n != 1 || s.code == opGather || s.code == opTrees:
			source[s.out.at] = many
		default:
			source[s.out.at] = k
			groups[k] = append(groups[k], i)
		}
	}
	folded, budget, scratch := slices.Clone(program), maxFold, slices.Clone(memory)
	for i := range program {
		for _, at := range frontier(&program[i], i, source, score) {
			k := source[at]
			last := slices.IndexFunc(program, func(s step) bool { return s.out.at == at })
			cost := len(program[k].trees.nodes) * len(groups[k])
			if budget -= cost + len(program); budget < 0 {
				return needed(folded, score)
			}
			if folded[last].code != opTrees {
				folded[last] = leafTable(&program[k], program, groups[k], scratch, folded[last].out)
			}
		}
	}
	return needed(folded, score)
}

// frontier returns the places that a step uses and that depend on one tree alone, if the step itself depends on more; for the step of the
// score, its own.
func frontier(s *step, i int, source map[int]int, score int) []int {
	var out []int
	if source[s.out.at] == many {
		for _, p := range s.in {
			if k, computed := source[p.at]; computed && k >= 0 {
				out = append(out, p.at)
			}
		}
	}
	if s.out.at == score && source[score] >= 0 && source[score] != i {
		out = append(out, score)
	}
	return out
}

// leafTable returns the step of a tree whose leaves have the value that a place gets by the steps of a group. It writes over what is no
// constant of the memory.
func leafTable(tree *step, program []step, group []int, scratch []float64, out place) step {
	t := *tree.trees
	t.nodes = slices.Clone(t.nodes)
	steps := make([]step, len(group))
	for j, i := range group {
		steps[j] = program[i]
	}
	for i := range t.nodes {
		if n := &t.nodes[i]; n.feature < 0 {
			scratch[tree.out.at] = n.value*t.share + t.base
			run(steps, scratch)
			n.value = scratch[out.at]
		}
	}
	t.share, t.base = 1, 0
	return step{code: opTrees, in: tree.in, out: out, trees: &t}
}
