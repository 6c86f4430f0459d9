package forest

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

func TestStump(t *testing.T) {
	m, err := Parse(stump().encode())
	require.NoError(t, err)
	assert.InDelta(t, 1, m.Score([]float64{0, 5}), 0)
	assert.InDelta(t, -1, m.Score([]float64{0, 5.1}), 0)
	assert.InDelta(t, 1, m.Score([]float64{0, 5.0000001}), 0, "rows are rounded to 32 bits, as scikit-learn does")
	assert.Len(t, m.program, 2, "the tree and the sum: the rest is folded into the leaves, or has no part in the score")
}

// brokenFiles are files that are refused, and what of each is said.
func brokenFiles(t testing.TB) map[string]struct {
	file []byte
	want string
} {
	t.Helper()
	whole := unpack(t, "checkout.onnx.gz")
	tree := func(attribute []byte) []byte {
		return with(func(m *built) { m.node("tree").set(attribute) }).encode()
	}
	return map[string]struct {
		file []byte
		want string
	}{
		"empty":                {nil, "the file is empty"},
		"a pickle of joblib":   {[]byte("\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x1fsklearn.ensemble._iforest"), "it is a pickle, of joblib or of Python itself, which runs the code in it"},
		"a pickle, protocol 0": {[]byte("csklearn.ensemble._iforest\nIsolationForest\np0\n"), "it is a pickle of an old protocol"},
		"a compressed pickle":  {[]byte("x\x9c\xb5\x01\x02"), "it is a compressed pickle of joblib"},
		"compressed":           {[]byte("\x1f\x8b\x08\x00"), "it is compressed"},
		"a zip":                {[]byte("PK\x03\x04"), "it is a zip archive"},
		"a page":               {[]byte("\n<!DOCTYPE html><html>"), "it is text, and no ONNX file"},
		"a pointer of LFS":     {[]byte("version https://git-lfs.github.com/spec/v1\n"), "a pointer of Git LFS"},
		"noise":                {[]byte("hello, this is no model"), "no readable ONNX file"},
		"cut in the graph":     {whole[:len(whole)/2], "no readable ONNX file: the file is truncated or damaged"},
		"no graph":             {[]byte{8, 8}, "no ONNX model: it has 0 graphs"},
		"too large":            {make([]byte, MaxFileBytes+1), "it has more than 32 MiB"},
		"a name too long":      {with(func(m *built) { m.node("sum").name = strings.Repeat("x", 5000) }).encode(), "a name has 5000 bytes"},
		"old operators":        {with(func(m *built) { m.opset = 9 }).encode(), "it uses version 9 of the operators of ai.onnx; export it with 11 or later"},
		"old ml operators":     {with(func(m *built) { m.mlOpset = 1 }).encode(), "it uses version 1 of the operators of ai.onnx.ml"},
		"no version":           {with(func(m *built) { m.mlOpset = 0 }).encode(), "it does not say which version"},
		"unknown operator":     {with(func(m *built) { m.node("div").op = "Softmax" }).encode(), `node "div" ("Softmax"): unknown operator`},
		"unknown domain":       {with(func(m *built) { m.node("div").domain = "com.example" }).encode(), `node "div" ("Div"): unknown operator of the domain "com.example"`},
		"a loop":               {with(func(m *built) { m.node("sum").op = "Loop" }).encode(), `("Loop"): unknown operator`},
		"unknown attribute":    {with(func(m *built) { m.node("div").set(attrInt("axis", 1)) }).encode(), `node "div" ("Div"): unknown attribute "axis"`},
		"a graph within":       {with(func(m *built) { m.node("cast").set(message(text(nil, 1, "to"), 6, nil)) }).encode(), `attribute "to" is a graph`},
		"a cycle of nodes":     {with(func(m *built) { m.node("mul").in[1] = "once" }).encode(), `node "mul" ("Mul"): it uses "once", which nothing before it makes`},
		"a name twice":         {with(func(m *built) { m.node("div").out[0] = "twice" }).encode(), `the name "twice" is given twice`},
		"no scores":            {with(func(m *built) { m.outs = m.outs[:1] }).encode(), `its outputs are "label"; the decision function must be named "scores"`},
		"scores of nothing":    {with(func(m *built) { m.outs = [][]byte{value("nothing", 1, 0, 1)} }).encode(), `its output "nothing" is made by no node`},
		"scores of a row":      {with(func(m *built) { m.outs = [][]byte{value("subset", 1, 0, 2)} }).encode(), "its output has 2 numbers for a row"},
		"two inputs":           {with(func(m *built) { m.inputs = append(m.inputs, value("Y", 1, 0, 1)) }).encode(), "it has 2 inputs"},
		"an input of texts":    {with(func(m *built) { m.inputs[0] = value("X", 8, 0, 2) }).encode(), `its input "X" holds no floats; export it with FloatTensorType`},
		"any features":         {with(func(m *built) { m.inputs[0] = value("X", 1, 0, 0) }).encode(), `its input "X" has 0 features`},
		"a column too far":     {with(func(m *built) { m.constants[0] = constantInts("columns", 0, 2) }).encode(), `node "gather" ("Gather"): it gathers column 2 of 2`},
		"another file":         {with(func(m *built) { m.constants[2] = message(constant("two", 2), 13, nil) }).encode(), `constant "two": its values are in another file`},
		"a constant too short": {with(func(m *built) { m.constants[2] = integer(constant("two", 2), 1, 3) }).encode(), `constant "two": it holds 1 values and its shape says 3`},
		"shapes":               {with(func(m *built) { m.node("mul").in[0] = "subset"; m.constants[2] = constant("two", 1, 2, 3) }).encode(), `node "mul" ("Mul"): shapes [1 2] and [3] can't be combined`},
		"types":                {with(func(m *built) { m.node("div").in[1] = "plus one" }).encode(), `node "div" ("Div"): its inputs have different types`},
		"keys and values":      {with(func(m *built) { m.node("encoder").set(attrFloats("values_floats", 1)) }).encode(), `node "encoder" ("LabelEncoder"): it has 2 keys and 1 values`},
		"no score for zeros":   {with(func(m *built) { m.constants[2] = constant("two", 0) }).encode(), "its score is NaN for a row of zeros"},
		"a score of infinity":  {with(func(m *built) { m.node("encoder").set(attrFloats("values_floats", float32(math.Inf(1)), 0)) }).encode(), "its score is +Inf for a row of zeros"},
		"a tree in a circle":   {tree(attrInts("nodes_truenodeids", 0, 0, 0)), `node "tree" ("TreeEnsembleRegressor"): a node of its trees is reached by two paths, or by itself`},
		"a leaf of two nodes":  {tree(attrInts("nodes_falsenodeids", 1, 0, 0)), "a node of its trees is reached by two paths"},
		"a child of nobody":    {tree(attrInts("nodes_truenodeids", 7, 0, 0)), "node 0 of tree 0 leads to a node that does not exist"},
		"a feature too far":    {tree(attrInts("nodes_featureids", 2, 0, 0)), "node 0 of tree 0 looks at feature 2 of 2"},
		"a negative feature":   {tree(attrInts("nodes_featureids", -1, 0, 0)), "looks at feature -1 of 2"},
		"lists of a tree":      {tree(attrFloats("nodes_values", 1, 2)), "nodes_values has 2 elements and nodes_treeids has 3"},
		"a threshold of NaN":   {tree(attrFloats("nodes_values", float32(math.NaN()), 0, 0)), "a threshold that is no number"},
		"another mode":         {tree(attrTexts("nodes_modes", "BRANCH_EQ", "LEAF", "LEAF")), `nodes of mode "BRANCH_EQ" are not supported`},
		"a node twice":         {tree(attrInts("nodes_nodeids", 0, 1, 1)), "node 1 of tree 0 is there twice"},
		"a weight of a branch": {tree(attrInts("target_nodeids", 0, 2)), "the weight of node 0 of tree 0 belongs to no leaf"},
		"two targets":          {tree(attrInt("n_targets", 2)), "it has 2 targets"},
		"a transformation":     {tree(attrText("post_transform", "LOGISTIC")), `post_transform "LOGISTIC" is not supported`},
		"edges without order":  {with(func(m *built) { m.metadata = map[string]string{KeyEdges: "[[1,2,3],[3,2,1]]"} }).encode(), "metadata_props: feature_edges: quantiles must be"},
		"names of three":       {with(func(m *built) { m.metadata = map[string]string{KeyFeatures: `["a","b","c"]`} }).encode(), "metadata_props: features: it has 3 elements and the model 2 features"},
		"no time":              {with(func(m *built) { m.metadata = map[string]string{KeyTrainedAt: "yesterday"} }).encode(), "metadata_props: trained_at: "},
	}
}

// TestBrokenFiles: each kind of broken file is refused, and the error says what is wrong with it.
func TestBrokenFiles(t *testing.T) {
	dir := t.TempDir()
	for name, tc := range brokenFiles(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "_"))
			require.NoError(t, os.WriteFile(path, tc.file, 0o600))
			_, err := Load(path, 2)
			require.ErrorContains(t, err, "model "+path+": ")
			require.ErrorContains(t, err, tc.want)
			assert.Less(t, len(err.Error()), 1000)
		})
	}
}

// TestEveryTruncation: a file that ends anywhere within the graph, or before its operators' versions, is refused.
func TestEveryTruncation(t *testing.T) {
	whole := with(func(m *built) { m.metadata = map[string]string{KeyTrainedAt: "2026-11-01T00:00:00Z"} }).encode()
	end := len(whole) - len("\x72\x24\x0a\x0atrained_at\x12\x142026-11-01T00:00:00Z")
	for n := range len(whole) {
		if _, err := Parse(whole[:n]); n != end {
			require.Error(t, err, "the first %d of %d bytes", n, len(whole))
		} else {
			require.NoError(t, err, "only what stands beside the graph is missing")
		}
	}
}

// TestBounds: what a small file can ask for is bounded, and refused quickly.
func TestBounds(t *testing.T) {
	chain := func(m *built) { // each node has the one before it as both inputs, a million times
		m.nodes = m.nodes[:2]
		last := "leaf"
		for i := range maxNodes {
			next := fmt.Sprint(i)
			m.nodes = append(m.nodes, builtNode{op: "Add", in: []string{last, last}, out: []string{next}})
			last = next
		}
		m.outs = [][]byte{value(last, float32s, 0, 1)}
	}
	wide := func(m *built) { // few nodes, each of many elements
		columns := make([]int64, 300_000)
		m.constants[0] = constantInts("columns", columns...)
		for i := range 20 {
			m.nodes = slices.Insert(m.nodes, i, builtNode{op: "Gather", name: "wide", in: []string{"X", "columns"}, out: []string{fmt.Sprint("w", i)}, attributes: [][]byte{attrInt("axis", 1)}})
		}
	}
	deep := func(m *built) {
		n := m.node("tree")
		const depth = 1000
		var ids, nodes, features, yes, no []int64
		var modes []string
		for i := range int64(depth) {
			ids, nodes, features, modes = append(ids, 0, 0), append(nodes, 2*i, 2*i+1), append(features, 0, 0), append(modes, "BRANCH_LEQ", "LEAF")
			yes, no = append(yes, 2*i+1, 0), append(no, 2*i+2, 0)
		}
		ids, nodes, features, modes, yes, no = append(ids, 0), append(nodes, 2*depth), append(features, 0), append(modes, "LEAF"), append(yes, 0), append(no, 0)
		for _, a := range [][]byte{
			attrInts("target_nodeids", 1, 3), attrInts("nodes_treeids", ids...), attrInts("nodes_nodeids", nodes...), attrInts("nodes_featureids", features...), attrTexts("nodes_modes", modes...),
			attrInts("nodes_truenodeids", yes...), attrInts("nodes_falsenodeids", no...), attrFloats("nodes_values", make([]float32, len(ids))...),
		} {
			n.set(a)
		}
	}
	huge := func(m *built) { m.constants[2] = integer(integer(constant("two"), 1, 1<<40), 1, 1<<40) }
	for name, tc := range map[string]struct {
		change func(*built)
		want   string
	}{
		"many nodes":  {chain, "it has more than 100000 nodes"},
		"wide nodes":  {wide, "a row takes more than 1000000 operations"},
		"deep tree":   {deep, "a tree is deeper than 200"},
		"huge shape":  {huge, `constant "two": its shape is`},
		"many values": {func(m *built) { m.constants[0] = constantInts("columns", make([]int64, maxElements+1)...) }, "it holds more than 2000000 numbers"},
	} {
		t.Run(name, func(t *testing.T) {
			file := with(tc.change).encode()
			var err error
			took := testbedtest.CPU(func() { _, err = Parse(file) })
			require.ErrorContains(t, err, tc.want)
			assert.Less(t, took, 5*time.Second)
		})
	}
}

// FuzzParse: no file makes the reader panic or run away, and what it takes for a model scores rows.
func FuzzParse(f *testing.F) {
	f.Add(stump().encode())
	for _, tc := range brokenFiles(f) {
		if len(tc.file) < 100_000 {
			f.Add(tc.file)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := Parse(file)
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' && r != '\n' }) || len(err.Error()) > 3000 {
				t.Errorf("an error that is not fit to be printed: %q", err)
			}
			return
		}
		row := make([]float64, m.Features())
		for i := range row {
			row[i] = float64(i) - 1.5
		}
		if took := testbedtest.CPU(func() { _ = m.Score(row) }); took > time.Second {
			t.Errorf("a row takes %s", took)
		}
	})
}
