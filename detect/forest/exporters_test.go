package forest

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// attrDoubles writes a list as skl2onnx does for a model of 64-bit floats: a tensor.
func attrDoubles(name string, x ...float64) []byte {
	var raw []byte
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	return message(text(nil, 1, name), 5, message(integer(integer(nil, 1, int64(len(x))), 2, float64s), 9, raw))
}

// without drops an attribute of a node.
func (n *builtNode) without(names ...string) {
	var kept [][]byte
	for _, a := range n.attributes {
		drop := false
		for _, name := range names {
			drop = drop || len(a) > 2+len(name) && string(a[2:2+int(a[1])]) == name
		}
		if !drop {
			kept = append(kept, a)
		}
	}
	n.attributes = kept
}

// TestModes: branches of other exporters ask what their names say, at the threshold itself as well.
func TestModes(t *testing.T) {
	asks := map[string]func(x float64) bool{
		"BRANCH_LEQ": func(x float64) bool { return x <= 5 }, "BRANCH_LT": func(x float64) bool { return x < 5 },
		"BRANCH_GT": func(x float64) bool { return x > 5 }, "BRANCH_GTE": func(x float64) bool { return x >= 5 },
	}
	for mode, yes := range asks {
		t.Run(mode, func(t *testing.T) {
			m, err := Parse(with(func(m *built) { m.node("tree").set(attrTexts("nodes_modes", mode, "LEAF", "LEAF")) }).encode())
			require.NoError(t, err)
			for _, x := range []float64{-1e30, 0, 4.999999, 5, 5.000001, 1e30} {
				want := -1.
				if yes(float64(float32(x))) {
					want = 1
				}
				assert.InDelta(t, want, m.Score([]float64{0, x}), 0, x)
			}
		})
	}
	for _, mode := range []string{"BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER", ""} {
		_, err := Parse(with(func(m *built) { m.node("tree").set(attrTexts("nodes_modes", mode, "LEAF", "LEAF")) }).encode())
		require.ErrorContains(t, err, fmt.Sprintf("nodes of mode %q are not supported; BRANCH_LEQ is", mode))
	}
}

// TestDoubles: lists that are tensors of 64-bit floats count as those that are lists.
func TestDoubles(t *testing.T) {
	m, err := Parse(with(func(m *built) {
		n := m.node("tree")
		n.without("nodes_values", "target_weights")
		n.attributes = append(n.attributes, attrDoubles("nodes_values_as_tensor", 5.0000000001, 0, 0), attrDoubles("target_weights_as_tensor", 1, 2),
			attrDoubles("nodes_hitrates_as_tensor", 1, 1, 1), attrDoubles("base_values_as_tensor", 0))
		m.inputs[0] = value("X", float64s, 0, 2)
	}).encode())
	require.NoError(t, err)
	assert.InDelta(t, 1, m.Score([]float64{0, 5.00000000005}), 0)
	assert.InDelta(t, -1, m.Score([]float64{0, 5.0000000002}), 0)
	for name, tc := range map[string]struct {
		attribute []byte
		want      string
	}{
		"twice":        {attrDoubles("nodes_values_as_tensor", 5, 0, 0), "nodes_values is there twice"},
		"no tensor":    {attrFloats("base_values_as_tensor", 0), "base_values_as_tensor is no tensor of floats"},
		"of integers":  {message(text(nil, 1, "base_values_as_tensor"), 5, constantInts("x", 1)), "is no tensor of floats"},
		"a short one":  {attrDoubles("base_values_as_tensor", 1, 2), "it has 2 base values"},
		"another name": {attrDoubles("nodes_modes", 1), `attribute "nodes_modes" is a tensor, which is not supported`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(with(func(m *built) { m.node("tree").set(tc.attribute) }).encode())
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestScalers: a pipeline of a scaler and a forest scores what scikit-learn's does, in the three forms that skl2onnx writes.
func TestScalers(t *testing.T) {
	for name, nodes := range map[string][]builtNode{
		"Scaler":      {{op: "Scaler", domain: mlDomain, in: []string{"X"}, attributes: [][]byte{attrFloats("offset", 10, 20), attrFloats("scale", .5, .25)}}},
		"one for all": {{op: "Scaler", domain: mlDomain, in: []string{"X"}, attributes: [][]byte{attrFloats("offset", 20), attrFloats("scale", .25)}}},
		"Sub and Div": {{op: "Sub", in: []string{"X", "means"}, out: []string{"sub"}}, {op: "Div", in: []string{"sub", "deviations"}}},
		"by 64 bits": {
			{op: "Cast", in: []string{"X"}, out: []string{"wide"}, attributes: [][]byte{attrInt("to", float64s)}},
			{op: "Sub", in: []string{"wide", "wide means"}, out: []string{"sub"}},
			{op: "Div", in: []string{"sub", "wide deviations"}, out: []string{"div"}},
			{op: "Cast", in: []string{"div"}, attributes: [][]byte{attrInt("to", float32s)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Parse(with(func(m *built) {
				for i := range nodes {
					nodes[i].name = fmt.Sprint("scaler ", i)
				}
				nodes[len(nodes)-1].out = []string{"scaled"}
				m.nodes = append(nodes, m.nodes...)
				m.node("gather").in[0] = "scaled"
				m.constants = append(m.constants, constant("means", 10, 20), constant("deviations", 2, 4),
					text(attrTensor(10, 20), 8, "wide means"), text(attrTensor(2, 4), 8, "wide deviations"))
			}).encode())
			require.NoError(t, err)
			assert.InDelta(t, 1, m.Score([]float64{0, 40}), 0, "(40 - 20) / 4 is 5")
			assert.InDelta(t, -1, m.Score([]float64{0, 40.1}), 0)
			assert.InDelta(t, 1, m.Score([]float64{0, 40.000001}), 0, "what is scaled is rounded to 32 bits")
		})
	}
	_, err := Parse(with(func(m *built) {
		m.nodes = append([]builtNode{{op: "Scaler", domain: mlDomain, name: "s", in: []string{"X"}, out: []string{"scaled"}, attributes: [][]byte{attrFloats("offset", 1, 2, 3), attrFloats("scale", 1)}}}, m.nodes...)
	}).encode())
	require.ErrorContains(t, err, "offset has 3 elements for 2 columns")
}

func attrTensor(x ...float64) []byte {
	b := integer(integer(nil, 1, int64(len(x))), 2, float64s)
	var raw []byte
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	return message(b, 9, raw)
}

// TestOthersAreRefused: what other models are made of is refused by its name, with the way out.
func TestOthersAreRefused(t *testing.T) {
	for _, op := range []string{"TreeEnsembleClassifier", "TreeEnsemble", "SVMRegressor", "Normalizer", "Imputer", "ZipMap", "ArrayFeatureExtractor"} {
		_, err := Parse(with(func(m *built) { m.node("tree").op = op }).encode())
		require.ErrorContains(t, err, fmt.Sprintf("(%q): unknown operator of the domain", op))
		require.ErrorContains(t, err, "export such a model by skl2onnx")
	}
}

// TestManyTreesAndMuchMemory: what is computed when a file is read does not take the memory of the file once for each tree.
func TestManyTreesAndMuchMemory(t *testing.T) {
	m := &built{opset: 17, mlOpset: 3, inputs: [][]byte{value("X", float32s, 0, 2)}, outs: [][]byte{value(scores, float32s, 0, 1)}}
	m.constants = append(m.constants, constant("large", make([]float32, 900_000)...), constant("two", 2))
	var sum []string
	for i := range 900 {
		leaf, twice := fmt.Sprint("leaf", i), fmt.Sprint("twice", i)
		m.nodes = append(m.nodes,
			builtNode{op: "TreeEnsembleRegressor", domain: mlDomain, name: leaf, in: []string{"X"}, out: []string{leaf}, attributes: treeLists()},
			builtNode{op: "Mul", name: twice, in: []string{leaf, "two"}, out: []string{twice}})
		sum = append(sum, twice)
	}
	m.nodes = append(m.nodes, builtNode{op: "Sum", name: "sum", in: sum, out: []string{scores}})
	file := m.encode()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read, err := Parse(file)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<30))
	assert.InDelta(t, 1800, read.Score([]float64{0, 0}), 0)
}
