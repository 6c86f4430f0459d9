package forest

import (
	"errors"
	"fmt"
	"math"
)

// maxTreeDepth bounds the path from a root to a leaf.
const maxTreeDepth = 200

var treeAttributes = []string{
	"n_targets", "post_transform", "aggregate_function", "base_values", "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes",
	"nodes_values", "nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true", "nodes_hitrates",
	"target_treeids", "target_nodeids", "target_ids", "target_weights",
	"base_values" + asTensor, "nodes_values" + asTensor, "nodes_hitrates" + asTensor, "target_weights" + asTensor,
}

// asTensor ends the names of lists of 64-bit floats: what a model has that was exported with DoubleTensorType.
const asTensor = "_as_tensor"

// numbers returns a list of floats in either of its forms.
func (e *ensemble) numbers(name string) ([]float64, error) {
	a := e.attribute[name+asTensor]
	switch {
	case a == nil:
		return e.floats(name), nil
	case e.attribute[name] != nil:
		return nil, fmt.Errorf("%s is there twice, as a list and as a tensor", name)
	case a.tensor == nil || a.tensor.external || a.tensor.kind != float32s && a.tensor.kind != float64s:
		return nil, fmt.Errorf("%s%s is no tensor of floats", name, asTensor)
	}
	return a.tensor.values()
}

// trees is an ensemble of which each tree adds the weight of one leaf.
type trees struct {
	nodes []branch
	roots []int32
	base  float64
	share float64 // 1, or 1/n for an average
}

// branch is a node of a tree; a leaf has a negative feature, and its weight as the value.
type branch struct {
	value   float64
	feature int32
	yes, no int32
}

// sum returns the sum over the trees for a row. Trees were checked: each path ends.
func (t *trees) sum(row []float64) float64 {
	sum := 0.
	for _, at := range t.roots {
		n := &t.nodes[at]
		for n.feature >= 0 {
			if row[n.feature] <= n.value {
				n = &t.nodes[n.yes]
			} else {
				n = &t.nodes[n.no]
			}
		}
		sum += n.value
	}
	return sum*t.share + t.base
}

// nodeID names a node of a tree in the file.
type nodeID struct{ tree, node int64 }

// ensemble reads the lists of a TreeEnsembleRegressor.
type ensemble struct {
	*node
	columns int
	at      map[nodeID]int32
	trees   *trees
}

func makeTrees(c *compiler, n *node, in []*tensor) (int64, []int, step, error) {
	fail := func(err error) (int64, []int, step, error) { return 0, nil, step{}, err }
	if !in[0].float() || len(in[0].shape) != 2 || in[0].shape[0] != 1 {
		return fail(errors.New("its input is no row of floats"))
	}
	e := &ensemble{node: n, columns: in[0].shape[1], at: map[nodeID]int32{}, trees: &trees{share: 1}}
	for _, read := range []func() error{e.settings, e.branches, e.weights} {
		if err := read(); err != nil {
			return fail(err)
		}
	}
	work, err := e.trees.check()
	if err != nil {
		return fail(err)
	}
	if n.text("aggregate_function") == "AVERAGE" {
		e.trees.share = 1 / float64(len(e.trees.roots))
	}
	c.work += work
	return float32s, []int{1, 1}, step{code: opTrees, trees: e.trees}, nil
}

func (n *node) ints(name string) []int64 {
	if a := n.attribute[name]; a != nil {
		return a.ints
	}
	return nil
}

func (n *node) floats(name string) []float64 {
	if a := n.attribute[name]; a != nil {
		return a.floats
	}
	return nil
}

func (n *node) text(name string) string {
	if a := n.attribute[name]; a != nil {
		return a.s
	}
	return ""
}

// settings reads what is of the ensemble as a whole.
func (e *ensemble) settings() error {
	if a := e.attribute["n_targets"]; a != nil && a.i != 1 {
		return fmt.Errorf("it has %d targets; a forest has one", a.i)
	}
	if s := e.text("post_transform"); s != "" && s != "NONE" {
		return fmt.Errorf("post_transform %s is not supported", quoted(s))
	}
	if s := e.text("aggregate_function"); s != "" && s != "SUM" && s != "AVERAGE" {
		return fmt.Errorf("aggregate_function %s is not supported", quoted(s))
	}
	base, err := e.numbers("base_values")
	if err != nil {
		return err
	}
	if len(base) == 1 {
		e.trees.base = base[0]
	} else if len(base) > 1 {
		return fmt.Errorf("it has %d base values for one target", len(base))
	}
	return nil
}

// branches reads the nodes.
func (e *ensemble) branches() error {
	ids, nodes, features := e.ints("nodes_treeids"), e.ints("nodes_nodeids"), e.ints("nodes_featureids")
	yes, no := e.ints("nodes_truenodeids"), e.ints("nodes_falsenodeids")
	values, err := e.numbers("nodes_values")
	if err != nil {
		return err
	}
	var modes []string
	if a := e.attribute["nodes_modes"]; a != nil {
		modes = a.strings
	}
	n := len(ids)
	if n == 0 {
		return errors.New("it has no trees")
	}
	for name, length := range map[string]int{
		"nodes_nodeids": len(nodes), "nodes_featureids": len(features), "nodes_truenodeids": len(yes), "nodes_falsenodeids": len(no),
		"nodes_values": len(values), "nodes_modes": len(modes),
	} {
		if length != n {
			return fmt.Errorf("%s has %d elements and nodes_treeids has %d", name, length, n)
		}
	}
	seen := map[int64]bool{}
	for i := range n {
		id := nodeID{ids[i], nodes[i]}
		if _, twice := e.at[id]; twice {
			return fmt.Errorf("node %d of tree %d is there twice", id.node, id.tree)
		}
		e.at[id] = int32(i)
		e.trees.nodes = append(e.trees.nodes, branch{})
		if !seen[id.tree] { // the first node of a tree is its root
			seen[id.tree] = true
			e.trees.roots = append(e.trees.roots, int32(i))
		}
	}
	for i := range n {
		b := &e.trees.nodes[i]
		switch modes[i] {
		case "LEAF":
			b.feature = -1
			continue
		case "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT", "BRANCH_GTE":
		default:
			return fmt.Errorf("nodes of mode %s are not supported; BRANCH_LEQ is what a forest of scikit-learn has, and _LT, _GT and _GTE can be read", quoted(modes[i]))
		}
		left, there := e.at[nodeID{ids[i], yes[i]}]
		right, both := e.at[nodeID{ids[i], no[i]}]
		switch {
		case !there || !both:
			return fmt.Errorf("node %d of tree %d leads to a node that does not exist", nodes[i], ids[i])
		case features[i] < 0 || features[i] >= int64(e.columns):
			return fmt.Errorf("node %d of tree %d looks at feature %d of %d", nodes[i], ids[i], features[i], e.columns)
		case math.IsNaN(values[i]):
			return fmt.Errorf("node %d of tree %d has a threshold that is no number", nodes[i], ids[i])
		}
		b.value, b.feature, b.yes, b.no = values[i], int32(features[i]), left, right
		switch modes[i] {
		case "BRANCH_LT": // the same as ≤ the number before
			b.value = math.Nextafter(values[i], math.Inf(-1))
		case "BRANCH_GT":
			b.yes, b.no = right, left
		case "BRANCH_GTE":
			b.value, b.yes, b.no = math.Nextafter(values[i], math.Inf(-1)), right, left
		}
	}
	return nil
}

// weights reads what leaves add.
func (e *ensemble) weights() error {
	ids, nodes, targets := e.ints("target_treeids"), e.ints("target_nodeids"), e.ints("target_ids")
	weights, err := e.numbers("target_weights")
	if err != nil {
		return err
	}
	if len(ids) != len(nodes) || len(ids) != len(weights) || len(ids) != len(targets) {
		return errors.New("the lists of its targets differ in length")
	}
	for i := range ids {
		at, there := e.at[nodeID{ids[i], nodes[i]}]
		if !there || e.trees.nodes[at].feature >= 0 {
			return fmt.Errorf("the weight of node %d of tree %d belongs to no leaf", nodes[i], ids[i])
		}
		if targets[i] != 0 {
			return fmt.Errorf("a weight belongs to target %d of 1", targets[i])
		}
		e.trees.nodes[at].value += weights[i]
	}
	return nil
}

// check makes sure that each tree is one: no node is reached twice, all paths are short enough. It returns the length of the
// longest paths of all trees together.
func (t *trees) check() (work int, err error) {
	type visit struct {
		at    int32
		depth int
	}
	reached := make([]bool, len(t.nodes))
	for _, root := range t.roots {
		longest := 0
		for todo := []visit{{root, 1}}; len(todo) > 0; {
			v := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			n := &t.nodes[v.at]
			switch {
			case reached[v.at]:
				return 0, errors.New("a node of its trees is reached by two paths, or by itself")
			case v.depth > maxTreeDepth:
				return 0, fmt.Errorf("a tree is deeper than %d", maxTreeDepth)
			}
			reached[v.at] = true
			longest = max(longest, v.depth)
			if n.feature >= 0 {
				todo = append(todo, visit{n.yes, v.depth + 1}, visit{n.no, v.depth + 1})
			}
		}
		work += longest
	}
	return work, nil
}
