package forest

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// built is a model that a test writes, node by node.
type built struct {
	opset, mlOpset uint64
	nodes          []builtNode
	constants      [][]byte
	inputs, outs   [][]byte
	metadata       map[string]string
	more           []byte // fields of the graph
}

type builtNode struct {
	op, domain, name string
	in, out          []string
	attributes       [][]byte
}

func text(b []byte, number protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), s)
}

func message(b []byte, number protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), m)
}

func integer(b []byte, number protowire.Number, x int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), uint64(x))
}

func attrInts(name string, x ...int64) []byte {
	b := text(nil, 1, name)
	for _, v := range x {
		b = integer(b, 8, v) // not packed, as ONNX' own library does
	}
	return b
}

func attrInt(name string, x int64) []byte { return integer(text(nil, 1, name), 3, x) }

func attrText(name, s string) []byte { return text(text(nil, 1, name), 4, s) }

func attrTexts(name string, s ...string) []byte {
	b := text(nil, 1, name)
	for _, v := range s {
		b = text(b, 9, v)
	}
	return b
}

func attrFloats(name string, x ...float32) []byte {
	var packed []byte
	for _, v := range x {
		packed = protowire.AppendFixed32(packed, math.Float32bits(v))
	}
	return message(text(nil, 1, name), 7, packed)
}

// constant writes a list as raw data.
func constant(name string, x ...float32) []byte {
	var raw []byte
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return text(message(integer(integer(nil, 1, int64(len(x))), 2, float32s), 9, raw), 8, name)
}

func constantInts(name string, x ...int64) []byte {
	b := integer(integer(nil, 1, int64(len(x))), 2, int64s)
	for _, v := range x {
		b = integer(b, 7, v)
	}
	return text(b, 8, name)
}

// value writes a ValueInfoProto; a dimension of 0 has a name in place of a size.
func value(name string, kind int64, dims ...int64) []byte {
	var shape []byte
	for _, d := range dims {
		if d == 0 {
			shape = message(shape, 1, text(nil, 2, "N"))
			continue
		}
		shape = message(shape, 1, integer(nil, 1, d))
	}
	tensor := message(integer(nil, 1, kind), 2, shape)
	return message(text(nil, 1, name), 2, message(nil, 1, tensor))
}

func (m *built) encode() []byte {
	var graph []byte
	for _, n := range m.nodes {
		var b []byte
		for _, s := range n.in {
			b = text(b, 1, s)
		}
		for _, s := range n.out {
			b = text(b, 2, s)
		}
		b = text(text(text(b, 3, n.name), 4, n.op), 7, n.domain)
		for _, a := range n.attributes {
			b = message(b, 5, a)
		}
		graph = message(graph, 1, b)
	}
	for _, c := range m.constants {
		graph = message(graph, 5, c)
	}
	for _, v := range m.inputs {
		graph = message(graph, 11, v)
	}
	for _, v := range m.outs {
		graph = message(graph, 12, v)
	}
	graph = append(graph, m.more...)
	b := message(text(integer(nil, 1, 8), 2, "test"), 7, graph)
	b = message(b, 8, integer(text(nil, 1, ""), 2, int64(m.opset)))
	b = message(b, 8, integer(text(nil, 1, mlDomain), 2, int64(m.mlOpset)))
	for k, v := range m.metadata {
		b = message(b, 14, text(text(nil, 1, k), 2, v))
	}
	return b
}

// stump is a model of one tree with two leaves over two features: a row is an outlier (-1) where the second feature is above 5, else
// its score is 1. It is written as skl2onnx writes trees, with a step of each kind.
func stump() *built {
	return &built{
		opset: 17, mlOpset: 3,
		inputs: [][]byte{value("X", float32s, 0, 2)},
		outs:   [][]byte{value("label", int64s, 0, 1), value(scores, float32s, 0, 1)},
		constants: [][]byte{
			constantInts("columns", 0, 1), constantInts("shape", -1, 1), constant("two", 2), constant("one", 1), constant("zero", 0),
			constantInts("minus two", -2), constantInts("plus one", 1),
		},
		nodes: []builtNode{
			{op: "Gather", name: "gather", in: []string{"X", "columns"}, out: []string{"subset"}, attributes: [][]byte{attrInt("axis", 1)}},
			{op: "TreeEnsembleRegressor", domain: mlDomain, name: "tree", in: []string{"subset"}, out: []string{"leaf"}, attributes: treeLists()},
			{op: "Cast", name: "cast", in: []string{"leaf"}, out: []string{"leaf number"}, attributes: [][]byte{attrInt("to", int64s)}},
			{op: "LabelEncoder", domain: mlDomain, name: "encoder", in: []string{"leaf number"}, out: []string{"label of leaf"}, attributes: [][]byte{
				attrInts("keys_int64s", 1, 2), attrFloats("values_floats", 1, -1),
			}},
			{op: "Reshape", name: "reshape", in: []string{"label of leaf", "shape"}, out: []string{"column"}},
			{op: "Mul", name: "mul", in: []string{"column", "two"}, out: []string{"twice"}},
			{op: "Div", name: "div", in: []string{"twice", "two"}, out: []string{"once"}},
			{op: "Sum", name: "sum", in: []string{"once", "zero"}, out: []string{scores}},
			{op: "Less", name: "less", in: []string{scores, "zero"}, out: []string{"below"}},
			{op: "Cast", name: "cast 2", in: []string{"below"}, out: []string{"below number"}, attributes: [][]byte{attrInt("to", int64s)}},
			{op: "Mul", name: "mul 2", in: []string{"below number", "minus two"}, out: []string{"minus two or zero"}},
			{op: "Add", name: "add", in: []string{"minus two or zero", "plus one"}, out: []string{"label"}},
		},
	}
}

func treeLists() [][]byte {
	return [][]byte{
		attrInt("n_targets", 1), attrText("post_transform", "NONE"),
		attrInts("nodes_treeids", 0, 0, 0), attrInts("nodes_nodeids", 0, 1, 2), attrInts("nodes_featureids", 1, 0, 0),
		attrTexts("nodes_modes", "BRANCH_LEQ", "LEAF", "LEAF"), attrFloats("nodes_values", 5, 0, 0),
		attrInts("nodes_truenodeids", 1, 0, 0), attrInts("nodes_falsenodeids", 2, 0, 0),
		attrInts("target_treeids", 0, 0), attrInts("target_nodeids", 1, 2), attrInts("target_ids", 0, 0), attrFloats("target_weights", 1, 2),
	}
}

// with returns a stump that a test has changed.
func with(change func(*built)) *built {
	m := stump()
	change(m)
	return m
}

// node returns the node of a name.
func (m *built) node(name string) *builtNode {
	for i := range m.nodes {
		if m.nodes[i].name == name {
			return &m.nodes[i]
		}
	}
	panic("no node " + name)
}

// set replaces the attribute that begins as another one does, or adds it.
func (n *builtNode) set(attribute []byte) {
	name := func(a []byte) string {
		s, _ := protowire.ConsumeString(a[1:])
		return s
	}
	for i, a := range n.attributes {
		if name(a) == name(attribute) {
			n.attributes[i] = attribute
			return
		}
	}
	n.attributes = append(n.attributes, attribute)
}

// withGraphField writes the model with a field more in its graph.
func (m *built) withGraphField(number protowire.Number, b []byte) []byte {
	m.more = message(m.more, number, b)
	return m.encode()
}
