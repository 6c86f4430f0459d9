package forest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// randomTree is a tree as a test writes and walks it: by recursion, which the package does not use.
type randomTree struct {
	feature   int // negative for a leaf
	threshold float32
	left      *randomTree
	right     *randomTree
	samples   int
	depth     int // nodes up to it, itself included
	id        int64
}

func growTree(r *rand.Rand, features, samples, depth int, next *int64) *randomTree {
	t := &randomTree{feature: -1, samples: samples, depth: depth, id: *next}
	*next++
	if samples <= 1 || depth > 8 || r.IntN(5) == 0 && depth > 1 {
		return t
	}
	t.feature, t.threshold = r.IntN(features), float32(r.NormFloat64())
	part := 1 + r.IntN(samples-1)
	t.left = growTree(r, features, part, depth+1, next)
	t.right = growTree(r, features, samples-part, depth+1, next)
	return t
}

// leaf returns the leaf that a row ends in.
func (t *randomTree) leaf(row []float64) *randomTree {
	switch {
	case t.feature < 0:
		return t
	case float32(row[t.feature]) <= t.threshold:
		return t.left.leaf(row)
	}
	return t.right.leaf(row)
}

func (t *randomTree) each(f func(*randomTree)) {
	f(t)
	if t.left != nil {
		t.left.each(f)
		t.right.each(f)
	}
}

// pathLength is scikit-learn's _average_path_length.
func pathLength(n int) float64 {
	switch {
	case n <= 1:
		return 0
	case n == 2:
		return 1
	}
	const euler = 0.5772156649015329
	return 2*(math.Log(float64(n)-1)+euler) - 2*(float64(n)-1)/float64(n)
}

// ensembleOf writes the lists of one tree.
func ensembleOf(t *randomTree) [][]byte {
	var ids, nodes, features, yes, no, targets []int64
	var modes []string
	var values, weights []float32
	t.each(func(x *randomTree) {
		ids, nodes = append(ids, 0), append(nodes, x.id)
		if x.feature < 0 {
			modes, values, features, yes, no = append(modes, "LEAF"), append(values, 0), append(features, 0), append(yes, 0), append(no, 0)
			targets, weights = append(targets, x.id), append(weights, float32(x.id))
			return
		}
		modes, values, features = append(modes, "BRANCH_LEQ"), append(values, x.threshold), append(features, int64(x.feature))
		yes, no = append(yes, x.left.id), append(no, x.right.id)
	})
	zeros := make([]int64, len(targets))
	return [][]byte{
		attrInt("n_targets", 1), attrInts("nodes_treeids", ids...), attrInts("nodes_nodeids", nodes...), attrInts("nodes_featureids", features...),
		attrTexts("nodes_modes", modes...), attrFloats("nodes_values", values...), attrInts("nodes_truenodeids", yes...), attrInts("nodes_falsenodeids", no...),
		attrInts("target_treeids", zeros...), attrInts("target_nodeids", targets...), attrInts("target_ids", zeros...), attrFloats("target_weights", weights...),
	}
}

// asConverted writes a forest as skl2onnx does, step by step.
func asConverted(trees []*randomTree, features, maxSamples int, offset float64) []byte {
	m := &built{opset: 17, mlOpset: 3, inputs: [][]byte{value("X", float32s, 0, int64(features))}, outs: [][]byte{value(scores, float32s, 0, 1)}}
	n := 0
	konst := func(x ...float32) string {
		n++
		name := fmt.Sprint("k", n)
		m.constants = append(m.constants, constant(name, x...))
		return name
	}
	ints := func(x ...int64) string {
		n++
		name := fmt.Sprint("k", n)
		m.constants = append(m.constants, constantInts(name, x...))
		return name
	}
	add := func(op string, attributes [][]byte, in ...string) string {
		n++
		x := named(step1(op, attributes, in...), fmt.Sprint(op, n), fmt.Sprint("t", n))
		m.nodes = append(m.nodes, x)
		return x.out[0]
	}
	columns := make([]int64, features)
	for i := range columns {
		columns[i] = int64(i)
	}
	var depths []string
	for _, t := range trees {
		leaf := add("TreeEnsembleRegressor", ensembleOf(t), add("Gather", [][]byte{attrInt("axis", 1)}, "X", ints(columns...)))
		var keys []int64
		var lengths, samples []float32
		t.each(func(x *randomTree) {
			if x.feature < 0 {
				keys, lengths, samples = append(keys, x.id), append(lengths, float32(x.depth)), append(samples, float32(x.samples))
			}
		})
		label := func(values []float32) string {
			number := add("Cast", [][]byte{attrInt("to", int64s)}, leaf)
			return add("Reshape", nil, add("LabelEncoder", [][]byte{attrInts("keys_int64s", keys...), attrFloats("values_floats", values...)}, number), ints(-1, 1))
		}
		count, path := label(samples), label(lengths)
		float := [][]byte{attrInt("to", float32s)}
		two, many := add("Cast", float, add("Equal", nil, count, konst(2))), add("Cast", float, add("Greater", nil, count, konst(2)))
		kept := add("Mul", nil, many, count)
		less := add("Add", nil, kept, konst(-1))
		log := add("Mul", nil, add("Add", nil, add("Log", nil, add("Max", nil, less, konst(1))), konst(0.5772157)), konst(2))
		part := add("Mul", nil, add("Div", nil, add("Max", nil, less, konst(0)), add("Max", nil, kept, konst(1))), konst(-2))
		more := add("Add", nil, two, add("Mul", nil, add("Add", nil, log, part), many))
		depths = append(depths, add("Add", nil, add("Add", nil, path, more), konst(-1)))
	}
	depth := add("Div", nil, add("Sum", nil, depths...), konst(float32(float64(len(trees))*pathLength(maxSamples))))
	score := add("Neg", nil, add("Pow", nil, konst(2), add("Neg", nil, depth)))
	add("Add", nil, score, konst(float32(-offset)))
	m.nodes[len(m.nodes)-1].out[0] = scores
	return m.encode()
}

// TestRandomForests holds forests of many shapes to scikit-learn's formula, computed by another way.
func TestRandomForests(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 7))
		features, maxSamples := 1+r.IntN(6), 3+r.IntN(300)
		var trees []*randomTree
		for range 1 + r.IntN(12) {
			next := int64(0)
			trees = append(trees, growTree(r, features, maxSamples, 1, &next))
		}
		offset := -.3 - .4*r.Float64()
		m, err := Parse(asConverted(trees, features, maxSamples, offset))
		require.NoError(t, err, "seed %d", seed)
		assert.LessOrEqual(t, len(m.program), 2*len(trees)+6, "each tree is folded into its leaves")
		for range 50 {
			row := make([]float64, features)
			for i := range row {
				row[i] = 3 * r.NormFloat64()
			}
			sum := 0.
			for _, x := range trees {
				leaf := x.leaf(row)
				sum += float64(leaf.depth) + pathLength(leaf.samples) - 1
			}
			want := -math.Exp2(-sum/(float64(len(trees))*pathLength(maxSamples))) - offset
			require.InDelta(t, want, m.Score(row), 1e-6, "seed %d, row %v", seed, row)
		}
	}
}

// TestHandWrittenBytes: what is no message of ONNX, though it is one of protobuf, is refused or left out, at each level.
func TestHandWrittenBytes(t *testing.T) {
	whole := stump().encode()
	for name, tc := range map[string]struct {
		file []byte
		want string // empty: it is read all the same
	}{
		"an unknown field":            {integer(slices.Clone(whole), 77, 5), ""},
		"an unknown message":          {message(slices.Clone(whole), 99, []byte("anything")), ""},
		"a group":                     {append(slices.Clone(whole), 0x0b, 0x0c), "truncated or damaged"},
		"field 0":                     {append(slices.Clone(whole), 0x00, 0x00), "truncated or damaged"},
		"a length beyond the end":     {append(slices.Clone(whole), 0x3a, 0x7f), "truncated or damaged"},
		"an endless number":           {append(slices.Clone(whole), 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), "truncated or damaged"},
		"two graphs":                  {append(slices.Clone(whole), whole...), "it has 2 graphs"},
		"a producer that is a number": {integer(slices.Clone(whole), 2, 5), "truncated or damaged"},
		"a node that is a number":     {with(func(*built) {}).withGraphField(1, integer(nil, 1, 5)), "truncated or damaged"},
		"a key without a value":       {message(slices.Clone(whole), 14, text(nil, 1, KeyTrainedAt)), "metadata_props: trained_at"},
		"the same key twice":          {message(message(slices.Clone(whole), 14, text(text(nil, 1, KeyUsual), 2, "x")), 14, text(text(nil, 1, KeyUsual), 2, "0.1")), ""},
		"sparse constants":            {with(func(*built) {}).withGraphField(15, nil), "sparse constants"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tc.file)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
		})
	}
}
