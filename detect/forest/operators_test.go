package forest

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// graph returns a model of some nodes over two features, of which the last makes the score, with constants beside those of a stump.
func graphOf(constants [][]byte, nodes ...builtNode) *built {
	m := stump()
	m.nodes, m.outs = nodes, [][]byte{value(scores, float32s, 0, 1)}
	m.constants = append(m.constants, constants...)
	m.constants = append(m.constants, constantInts("first", 0), constantInts("second", 1))
	return m
}

// first gathers the first feature, second the second one.
func gather(column, out string) builtNode {
	return builtNode{op: "Gather", name: out, in: []string{"X", column}, out: []string{out}, attributes: [][]byte{attrInt("axis", 1)}}
}

func step1(op string, attributes [][]byte, in ...string) builtNode {
	n := builtNode{op: op, name: op, in: in, out: []string{scores}, attributes: attributes}
	if op == "LabelEncoder" || op == "TreeEnsembleRegressor" {
		n.domain = mlDomain
	}
	return n
}

func named(n builtNode, name, out string) builtNode {
	n.name, n.out = name, []string{out}
	return n
}

// TestOperators holds each operator to ONNX' definition of it.
func TestOperators(t *testing.T) {
	x, y := gather("first", "x"), gather("second", "y")
	toInt := func(in, out string) builtNode {
		return named(step1("Cast", [][]byte{attrInt("to", int64s)}, in), "int "+in, out)
	}
	toFloat := func(in string) builtNode { return step1("Cast", [][]byte{attrInt("to", float32s)}, in) }
	for name, tc := range map[string]struct {
		nodes []builtNode
		row   []float64
		want  float64
	}{
		"Add":                      {[]builtNode{x, y, step1("Add", nil, "x", "y")}, []float64{2, 3}, 5},
		"Mul":                      {[]builtNode{x, y, step1("Mul", nil, "x", "y")}, []float64{2, 3}, 6},
		"Div":                      {[]builtNode{x, y, named(step1("Max", nil, "x", "one"), "m", "m"), step1("Div", nil, "y", "m")}, []float64{2, 3}, 1.5},
		"Div by a constant":        {[]builtNode{x, y, step1("Div", nil, "x", "two")}, []float64{3, 0}, 1.5},
		"Pow":                      {[]builtNode{x, y, step1("Pow", nil, "two", "y")}, []float64{0, 3}, 8},
		"Neg":                      {[]builtNode{x, step1("Neg", nil, "x")}, []float64{2, 0}, -2},
		"Identity":                 {[]builtNode{x, step1("Identity", nil, "x")}, []float64{2, 0}, 2},
		"Max of three":             {[]builtNode{x, y, step1("Max", nil, "x", "two", "y")}, []float64{1, 7}, 7},
		"Max of one":               {[]builtNode{x, step1("Max", nil, "x")}, []float64{1, 7}, 1},
		"Sum of three":             {[]builtNode{x, y, step1("Sum", nil, "x", "two", "y")}, []float64{1, 7}, 10},
		"Log":                      {[]builtNode{x, named(step1("Max", nil, "x", "one"), "m", "m"), step1("Log", nil, "m")}, []float64{math.E, 0}, 1},
		"Equal":                    {[]builtNode{x, named(step1("Equal", nil, "x", "two"), "e", "e"), toFloat("e")}, []float64{2, 0}, 1},
		"not Equal":                {[]builtNode{x, named(step1("Equal", nil, "x", "two"), "e", "e"), toFloat("e")}, []float64{2.5, 0}, 0},
		"Greater":                  {[]builtNode{x, named(step1("Greater", nil, "x", "two"), "g", "g"), toFloat("g")}, []float64{2.5, 0}, 1},
		"not Greater":              {[]builtNode{x, named(step1("Greater", nil, "x", "two"), "g", "g"), toFloat("g")}, []float64{2, 0}, 0},
		"Less":                     {[]builtNode{x, named(step1("Less", nil, "x", "two"), "l", "l"), toFloat("l")}, []float64{1, 0}, 1},
		"Cast cuts off":            {[]builtNode{x, toInt("x", "i"), toFloat("i")}, []float64{2.9, 0}, 2},
		"Cast cuts off below 0":    {[]builtNode{x, toInt("x", "i"), toFloat("i")}, []float64{-2.9, 0}, -2},
		"Cast to truth":            {[]builtNode{x, named(step1("Cast", [][]byte{attrInt("to", bools)}, "x"), "b", "b"), toFloat("b")}, []float64{-3, 0}, 1},
		"integers are added":       {[]builtNode{x, toInt("x", "i"), named(step1("Add", nil, "i", "plus one"), "a", "a"), toFloat("a")}, []float64{2.9, 0}, 3},
		"Gather from behind":       {[]builtNode{{op: "Gather", name: "g", in: []string{"X", "second"}, out: []string{scores}, attributes: [][]byte{attrInt("axis", -1)}}}, []float64{1, 7}, 7},
		"Gather of a Gather":       {[]builtNode{{op: "Gather", name: "g", in: []string{"X", "columns"}, out: []string{"both"}, attributes: [][]byte{attrInt("axis", 1)}}, {op: "Gather", name: "h", in: []string{"both", "second"}, out: []string{scores}, attributes: [][]byte{attrInt("axis", 1)}}}, []float64{1, 7}, 7},
		"Reshape":                  {[]builtNode{x, step1("Reshape", nil, "x", "shape")}, []float64{4, 0}, 4},
		"a label of an integer":    {[]builtNode{x, toInt("x", "i"), step1("LabelEncoder", [][]byte{attrInts("keys_int64s", 3, 5), attrFloats("values_floats", .5, .25)}, "i")}, []float64{5, 0}, .25},
		"a label of a float":       {[]builtNode{x, step1("LabelEncoder", [][]byte{attrFloats("keys_floats", 2.5, -1), attrFloats("values_floats", .5, .25)}, "x")}, []float64{2.5, 0}, .5},
		"a label of nobody":        {[]builtNode{x, step1("LabelEncoder", [][]byte{attrFloats("keys_floats", 2.5), attrFloats("values_floats", .5), append(text(nil, 1, "default_float"), protowire.AppendFixed32(protowire.AppendTag(nil, 2, protowire.Fixed32Type), math.Float32bits(9))...)}, "x")}, []float64{3, 0}, 9},
		"without a default":        {[]builtNode{x, step1("LabelEncoder", [][]byte{attrFloats("keys_floats", 2.5), attrFloats("values_floats", .5)}, "x")}, []float64{3, 0}, 0},
		"a label far away":         {[]builtNode{x, toInt("x", "i"), step1("LabelEncoder", [][]byte{attrInts("keys_int64s", 1, 1_000_000), attrFloats("values_floats", .5, .25)}, "i")}, []float64{1_000_000, 0}, .25},
		"a label below zero":       {[]builtNode{x, toInt("x", "i"), step1("LabelEncoder", [][]byte{attrInts("keys_int64s", 1), attrFloats("values_floats", .5)}, "i")}, []float64{-1, 0}, 0},
		"a label that is a number": {[]builtNode{x, toInt("x", "i"), named(step1("LabelEncoder", [][]byte{attrInts("keys_int64s", 1), attrInts("values_int64s", 7)}, "i"), "l", "l"), toFloat("l")}, []float64{2, 0}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Parse(graphOf(nil, tc.nodes...).encode())
			require.NoError(t, err)
			assert.InDelta(t, tc.want, m.Score(tc.row), 1e-6)
		})
	}
}

// TestOperatorsRefuse: what an operator can't be asked is an error when the file is read, never when a row is scored.
func TestOperatorsRefuse(t *testing.T) {
	x := gather("first", "x")
	cast := func(to int64) builtNode { return named(step1("Cast", [][]byte{attrInt("to", to)}, "x"), "c", "c") }
	for name, tc := range map[string]struct {
		nodes []builtNode
		want  string
	}{
		"Log of an integer":        {[]builtNode{x, cast(int64s), step1("Log", nil, "c")}, `node "Log" ("Log"): the type of its inputs is not supported`},
		"Div of integers":          {[]builtNode{x, cast(int64s), step1("Div", nil, "c", "plus one")}, "the type of its inputs is not supported"},
		"Add of truths":            {[]builtNode{x, cast(bools), step1("Add", nil, "c", "c")}, "the type of its inputs is not supported"},
		"Cast to text":             {[]builtNode{x, cast(8)}, `("Cast"): the type 8 is not supported`},
		"Cast to nothing":          {[]builtNode{x, step1("Cast", nil, "x")}, `attribute "to" is missing`},
		"Gather of rows":           {[]builtNode{{op: "Gather", name: "g", in: []string{"X", "first"}, out: []string{scores}}}, "only columns of the rows can be gathered"},
		"Gather by what is made":   {[]builtNode{x, cast(int64s), {op: "Gather", name: "g", in: []string{"X", "c"}, out: []string{scores}, attributes: [][]byte{attrInt("axis", 1)}}}, "what is gathered must be a constant list of columns"},
		"Gather before the first":  {[]builtNode{{op: "Gather", name: "g", in: []string{"X", "minus three"}, out: []string{scores}, attributes: [][]byte{attrInt("axis", 1)}}}, "it gathers column -1 of 2"},
		"Reshape to what is made":  {[]builtNode{x, cast(int64s), step1("Reshape", nil, "x", "c")}, "the new shape must be a constant list"},
		"Reshape to too many":      {[]builtNode{x, step1("Reshape", nil, "x", "three")}, "1 elements have no shape [3]"},
		"Reshape to two unknown":   {[]builtNode{x, step1("Reshape", nil, "x", "unknowns")}, "the new shape is [-1 -1]"},
		"Reshape of zeros":         {[]builtNode{x, step1("Reshape", [][]byte{attrInt("allowzero", 1)}, "x", "shape")}, `attribute "allowzero" is not supported`},
		"labels of another type":   {[]builtNode{x, step1("LabelEncoder", [][]byte{attrInts("keys_int64s", 1), attrFloats("values_floats", 1)}, "x")}, "its keys have another type than its input"},
		"labels of text":           {[]builtNode{x, step1("LabelEncoder", [][]byte{attrTexts("keys_strings", "a")}, "x")}, `unknown attribute "keys_strings"`},
		"one input too many":       {[]builtNode{x, step1("Neg", nil, "x", "x")}, "it has 2 inputs"},
		"no inputs":                {[]builtNode{step1("Sum", nil)}, "it has 0 inputs"},
		"two outputs":              {[]builtNode{{op: "Identity", name: "i", in: []string{"X"}, out: []string{"a", "b"}}}, "it has 2 outputs"},
		"an output without a name": {[]builtNode{{op: "Identity", name: "i", in: []string{"X"}, out: []string{""}}}, `the name "" is given twice, or is empty`},
		"an input without a name":  {[]builtNode{step1("Neg", nil, "")}, `it uses "", which nothing before it makes`},
		"trees of integers":        {[]builtNode{x, cast(int64s), step1("TreeEnsembleRegressor", treeLists(), "c")}, "its input is no row of floats"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(graphOf([][]byte{constantInts("three", 3), constantInts("unknowns", -1, -1), constantInts("minus three", -3)}, tc.nodes...).encode())
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestConstants: a constant is the same in each of the forms that ONNX has for it.
func TestConstants(t *testing.T) {
	doubles := integer(integer(nil, 1, 1), 2, float64s)
	var raw []byte
	raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(2))
	for name, c := range map[string][]byte{
		"raw floats":      constant("k", 2),
		"a list":          text(message(integer(integer(nil, 1, 1), 2, float32s), 4, protowire.AppendFixed32(nil, math.Float32bits(2))), 8, "k"),
		"one by one":      text(protowire.AppendFixed32(protowire.AppendTag(integer(integer(nil, 1, 1), 2, float32s), 4, protowire.Fixed32Type), math.Float32bits(2)), 8, "k"),
		"packed shape":    text(message(integer(message(nil, 1, protowire.AppendVarint(nil, 1)), 2, float32s), 9, binary.LittleEndian.AppendUint32(nil, math.Float32bits(2))), 8, "k"),
		"a field unknown": integer(constant("k", 2), 99, 1),
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Parse(graphOf([][]byte{c}, gather("first", "x"), step1("Mul", nil, "x", "k")).encode())
			require.NoError(t, err)
			assert.InDelta(t, 6, m.Score([]float64{3, 0}), 0)
		})
	}
	for name, c := range map[string][]byte{
		"raw doubles": text(message(doubles, 9, raw), 8, "k"),
		"doubles":     text(message(integer(integer(nil, 1, 1), 2, float64s), 10, raw), 8, "k"),
	} {
		t.Run(name, func(t *testing.T) {
			x := named(step1("Cast", [][]byte{attrInt("to", float64s)}, "x"), "d", "d")
			m, err := Parse(graphOf([][]byte{c}, gather("first", "x"), x, step1("Mul", nil, "d", "k")).encode())
			require.NoError(t, err)
			assert.InDelta(t, 6, m.Score([]float64{3, 0}), 0)
		})
	}
	for name, tc := range map[string]struct {
		constant []byte
		want     string
	}{
		"of text":         {text(integer(integer(nil, 1, 1), 2, 8), 8, "k"), "its type 8 is not supported"},
		"an odd length":   {text(message(integer(integer(nil, 1, 1), 2, float32s), 9, []byte{1, 2, 3}), 8, "k"), "truncated"},
		"negative":        {text(integer(integer(nil, 1, -1), 2, float32s), 8, "k"), "its shape is [-1]"},
		"five dimensions": {text(integer(integer(integer(integer(integer(integer(nil, 1, 1), 1, 1), 1, 1), 1, 1), 1, 1), 2, float32s), 8, "k"), "its shape is [1 1 1 1 1]"},
		"too large":       {constantInts("k", 1<<60), "it holds 1152921504606846976"},
		"elsewhere":       {text(integer(integer(integer(nil, 1, 1), 2, float32s), 14, 1), 8, "k"), "its values are in another file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(graphOf([][]byte{tc.constant}, gather("first", "x"), step1("Mul", nil, "x", "k")).encode())
			require.ErrorContains(t, err, `constant "k": `)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestTrees: what an ensemble of several trees adds up to, in the forms that it can have.
func TestTrees(t *testing.T) {
	two := func(more ...[]byte) []byte { // two stumps: X2 <= 5 gives 1 or 2, X1 <= 0 gives 10 or 20
		n := builtNode{op: "TreeEnsembleRegressor", domain: mlDomain, name: "trees", in: []string{"X"}, out: []string{scores}, attributes: [][]byte{
			attrInt("n_targets", 1),
			attrInts("nodes_treeids", 0, 0, 0, 7, 7, 7), attrInts("nodes_nodeids", 0, 1, 2, 0, 1, 2), attrInts("nodes_featureids", 1, 0, 0, 0, 0, 0),
			attrTexts("nodes_modes", "BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"), attrFloats("nodes_values", 5, 0, 0, 0, 0, 0),
			attrInts("nodes_truenodeids", 1, 0, 0, 1, 0, 0), attrInts("nodes_falsenodeids", 2, 0, 0, 2, 0, 0),
			attrInts("target_treeids", 0, 0, 7, 7), attrInts("target_nodeids", 1, 2, 1, 2), attrInts("target_ids", 0, 0, 0, 0), attrFloats("target_weights", 1, 2, 10, 20),
		}}
		n.attributes = append(n.attributes, more...)
		return graphOf(nil, n).encode()
	}
	for name, tc := range map[string]struct {
		file []byte
		want [2]float64 // of (1, 9) and (-1, 1)
	}{
		"a sum":       {two(), [2]float64{22, 11}},
		"in words":    {two(attrText("aggregate_function", "SUM")), [2]float64{22, 11}},
		"an average":  {two(attrText("aggregate_function", "AVERAGE")), [2]float64{11, 5.5}},
		"with a base": {two(attrFloats("base_values", 100)), [2]float64{122, 111}},
		"ignored":     {two(attrFloats("nodes_hitrates", 1), attrInts("nodes_missing_value_tracks_true", 0)), [2]float64{22, 11}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Parse(tc.file)
			require.NoError(t, err)
			assert.InDelta(t, tc.want[0], m.Score([]float64{1, 9}), 0)
			assert.InDelta(t, tc.want[1], m.Score([]float64{-1, 1}), 0)
		})
	}
	for want, file := range map[string][]byte{
		"it has 2 base values for one target":       two(attrFloats("base_values", 1, 2)),
		`aggregate_function "MAX" is not supported`: two(attrText("aggregate_function", "MAX")),
	} {
		_, err := Parse(file)
		require.ErrorContains(t, err, want)
	}
}

// TestFoldKeepsBase: a tree with a base, whose leaves are turned into other numbers, is the same after folding.
func TestFoldKeepsBase(t *testing.T) {
	file := with(func(m *built) {
		m.node("tree").set(attrFloats("base_values", 1)) // leaves 2 and 3
		m.node("encoder").set(attrInts("keys_int64s", 2, 3))
	}).encode()
	m, err := Parse(file)
	require.NoError(t, err)
	assert.Len(t, m.program, 2)
	assert.InDelta(t, 1, m.Score([]float64{0, 1}), 0)
	assert.InDelta(t, -1, m.Score([]float64{0, 9}), 0)
}

// TestForeign: what is no ONNX file is named, and an ONNX file is never taken for something else.
func TestForeign(t *testing.T) {
	require.NoError(t, foreign(unpack(t, "checkout.onnx.gz")))
	require.NoError(t, foreign(stump().encode()))
	require.NoError(t, foreign([]byte{8, 8, 18, 0}))
	for begins, want := range map[string]string{
		"\x80\x02\x63sklearn":     "a pickle, of joblib",
		"\x80\x05\x95":            "a pickle, of joblib",
		"(lp0\nsklearn.ensemble":  "an old protocol",
		"ZF0x1234":                "a compressed pickle of joblib",
		"BZh91AY":                 "it is compressed",
		"\xfd7zXZ\x00":            "it is compressed",
		"{\"model\": 1}":          "it is text",
		" <?xml version='1.0'?>":  "it is text",
		"version https://git-lfs": "a pointer of Git LFS",
	} {
		require.ErrorContains(t, foreign([]byte(begins)), want)
	}
	assert.Contains(t, pickled{"a pickle"}.Error(), Export)
}

func TestReadInfo(t *testing.T) {
	info, err := readInfo(map[string]string{"producer": "x"}, 2)
	require.NoError(t, err)
	assert.Equal(t, Info{}, info, "all of it may be missing, and other keys are others'")
	info, err = readInfo(map[string]string{
		KeyTrainedAt: "2026-11-01T10:00:00+08:00", KeyFeatures: `["a","b"]`, KeyEdges: "[[1,2,3],[0,0,0,9]]", KeyMeans: "[1,2]", KeyDeviations: "[.5,0]", KeyUsual: "0.08",
	}, 2)
	require.Error(t, err, ".5 is no JSON")
	assert.Equal(t, Info{}, info)
	info, err = readInfo(map[string]string{KeyMeans: "[1,2]", KeyDeviations: "[0.5,0]", KeyUsual: "0.08", KeyEdges: "[[1,2,3],[0,0,0,9]]"}, 2)
	require.NoError(t, err)
	assert.Equal(t, Info{Means: []float64{1, 2}, Deviations: []float64{.5, 0}, Usual: .08, Edges: [][]float64{{1, 2, 3}, {0, 0, 0, 9}}}, info)
	for key, text := range map[string]string{
		KeyTrainedAt: "1 November", KeyFeatures: `["a"]`, KeyEdges: "[[1,2],[1,2,3]]", KeyMeans: `["a","b"]`, KeyDeviations: "5", KeyUsual: "NaN",
	} {
		_, err := readInfo(map[string]string{key: text}, 2)
		require.ErrorContains(t, err, "metadata_props: "+key+": ")
	}
}
