package forest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The types of tensors, with ONNX's numbers.
const (
	float32s int64 = 1
	int64s   int64 = 7
	bools    int64 = 9
	float64s int64 = 11
)

// The versions of the operators, from which on they are as they are computed here.
const (
	leastOpset   = 11
	leastMLOpset = 2
)

const (
	mlDomain = "ai.onnx.ml"
	// maxRank is how many dimensions a tensor has.
	maxRank = 4
	// maxWork bounds what a row takes: the elements that are read and written, and the nodes of the trees on the longest paths.
	maxWork = 1_000_000
	// scores is the name that skl2onnx gives the decision function.
	scores = "scores"
)

// tensor is a value of the graph: its type and shape, and its place in the memory of a row.
type tensor struct {
	kind     int64
	shape    []int
	place    place
	constant bool
	shaped   []int64 // the values of a constant of integers, for those that need them before a row is there
}

// place is where a tensor's elements are.
type place struct{ at, n int }

func (t *tensor) float() bool { return t.kind == float32s || t.kind == float64s }

// compiler turns a graph into steps. Nodes come in an order in which each uses only what is there already, so that there is neither
// a cycle nor a recursion.
type compiler struct {
	tensors map[string]*tensor
	memory  []float64
	program []step
	work    int
}

func compile(raw *rawModel) (*Model, error) {
	if raw.graphs != 1 {
		return nil, fmt.Errorf("no ONNX model: it has %d graphs", raw.graphs)
	}
	if err := checkOpsets(raw); err != nil {
		return nil, err
	}
	c := &compiler{tensors: map[string]*tensor{}}
	input, err := c.input(&raw.graph)
	if err != nil {
		return nil, err
	}
	for i := range raw.graph.constants {
		if err := c.constant(&raw.graph.constants[i]); err != nil {
			return nil, fmt.Errorf("constant %s: %w", quoted(raw.graph.constants[i].name), err)
		}
	}
	for i := range raw.graph.nodes {
		n := &raw.graph.nodes[i]
		if err := c.node(n); err != nil {
			return nil, fmt.Errorf("node %s (%s): %w", quoted(n.name), quoted(n.op), err)
		}
	}
	out, err := c.output(raw.graph.outs)
	if err != nil {
		return nil, err
	}
	m := &Model{features: input.place.n, single: input.kind == float32s, score: out.place.at, memory: c.memory}
	m.program = needed(c.program, out.place.at)
	return m, nil
}

func checkOpsets(raw *rawModel) error {
	for _, x := range []struct {
		names []string
		least int64
	}{{[]string{"", "ai.onnx"}, leastOpset}, {[]string{mlDomain}, leastMLOpset}} {
		found := int64(0)
		for _, name := range x.names {
			found = max(found, raw.opsets[name])
		}
		switch name := x.names[len(x.names)-1]; {
		case found == 0:
			return fmt.Errorf("it does not say which version of the operators of %s it uses; was it cut?", name)
		case found < x.least:
			return fmt.Errorf("it uses version %d of the operators of %s; export it with %d or later", found, name, x.least)
		}
	}
	return nil
}

// input finds the one input that is no constant, and gives it the first places.
func (c *compiler) input(g *rawGraph) (*tensor, error) {
	constants := map[string]bool{}
	for i := range g.constants {
		constants[g.constants[i].name] = true
	}
	inputs := slices.DeleteFunc(slices.Clone(g.inputs), func(v rawValue) bool { return constants[v.name] })
	if len(inputs) != 1 {
		return nil, fmt.Errorf("it has %d inputs; a model has one, a tensor of all features", len(inputs))
	}
	v := inputs[0]
	switch {
	case v.kind != float32s && v.kind != float64s:
		return nil, fmt.Errorf("its input %s holds no floats; export it with FloatTensorType", quoted(v.name))
	case len(v.dims) != 2 || v.dims[0] > 1 || v.dims[0] < 0:
		return nil, fmt.Errorf("its input %s is no table of rows and features", quoted(v.name))
	case v.dims[1] < 1 || v.dims[1] > maxFeatures:
		return nil, fmt.Errorf("its input %s has %d features; a model says how many it takes, 1 to %d", quoted(v.name), v.dims[1], maxFeatures)
	}
	return c.define(v.name, v.kind, []int{1, int(v.dims[1])})
}

// define makes a tensor with a place of its own.
func (c *compiler) define(name string, kind int64, shape []int) (*tensor, error) {
	if _, there := c.tensors[name]; there || name == "" {
		return nil, fmt.Errorf("the name %s is given twice, or is empty", quoted(name))
	}
	n := 1
	for _, d := range shape {
		if n *= d; n > maxElements {
			return nil, errElements
		}
	}
	if len(c.memory)+n > maxElements {
		return nil, errElements
	}
	t := &tensor{kind: kind, shape: shape, place: place{len(c.memory), n}}
	c.memory = append(c.memory, make([]float64, n)...)
	c.tensors[name] = t
	return t, nil
}

func (c *compiler) constant(raw *rawTensor) error {
	if raw.external {
		return errors.New("its values are in another file; export the model as one file")
	}
	values, err := raw.values()
	if err != nil {
		return err
	}
	shape := []int{}
	n := int64(1)
	for _, d := range raw.dims {
		if d < 0 || d > maxElements || len(shape) == maxRank {
			return fmt.Errorf("its shape is %v", raw.dims[:min(len(raw.dims), maxRank+1)])
		}
		if n *= d; n > maxElements {
			return errElements
		}
		shape = append(shape, int(d))
	}
	if n != int64(len(values)) {
		return fmt.Errorf("it holds %d values and its shape says %d", len(values), n)
	}
	t, err := c.define(raw.name, raw.kind, shape)
	if err != nil {
		return err
	}
	t.constant = true
	copy(c.memory[t.place.at:], values)
	if raw.kind == int64s {
		for _, x := range values {
			t.shaped = append(t.shaped, int64(x))
		}
	}
	return nil
}

// input returns a tensor that a node uses.
func (c *compiler) use(name string) (*tensor, error) {
	t := c.tensors[name]
	if t == nil {
		return nil, fmt.Errorf("it uses %s, which nothing before it makes", quoted(name))
	}
	return t, nil
}

// output finds the tensor that is the score.
func (c *compiler) output(outs []rawValue) (*tensor, error) {
	var floats []*tensor
	var names []string
	for _, v := range outs {
		names = append(names, quoted(v.name))
		t := c.tensors[v.name]
		if t == nil {
			return nil, fmt.Errorf("its output %s is made by no node", quoted(v.name))
		}
		if v.name == scores {
			floats = []*tensor{t}
			break
		}
		if t.float() {
			floats = append(floats, t)
		}
	}
	if len(floats) != 1 {
		return nil, fmt.Errorf("its outputs are %s; the decision function must be named %q, or be the only one that holds floats", strings.Join(names[:min(len(names), 5)], ", "), scores)
	}
	if t := floats[0]; t.place.n != 1 || !t.float() {
		return nil, fmt.Errorf("its output has %d numbers for a row; the decision function has one", t.place.n)
	}
	return floats[0], nil
}

// needed returns the steps that a place depends on, in their order.
func needed(program []step, at int) []step {
	wanted := map[int]bool{at: true}
	var out []step
	for _, s := range slices.Backward(program) {
		if !wanted[s.out.at] {
			continue
		}
		for _, p := range s.in {
			wanted[p.at] = true
		}
		out = append(out, s)
	}
	slices.Reverse(out)
	return out
}

// values returns a constant's elements.
func (t *rawTensor) values() ([]float64, error) {
	switch t.kind {
	case float32s, float64s:
		if t.raw != nil {
			return t.rawFloats()
		}
		return t.floats, nil
	case int64s, bools:
		ints := t.ints
		if t.raw != nil {
			var err error
			if ints, err = t.rawInts(); err != nil {
				return nil, err
			}
		}
		out := make([]float64, len(ints))
		for i, x := range ints {
			if x > maxInt || x < -maxInt {
				return nil, fmt.Errorf("it holds %d", x)
			}
			out[i] = float64(x)
		}
		return out, nil
	}
	return nil, fmt.Errorf("its type %d is not supported; floats and integers of 64 bits are", t.kind)
}

// maxInt is up to where integers are exact in the memory of a row.
const maxInt = 1 << 53

func (t *rawTensor) rawFloats() ([]float64, error) {
	size := 4
	if t.kind == float64s {
		size = 8
	}
	if len(t.raw)%size != 0 {
		return nil, errTruncated
	}
	out := make([]float64, len(t.raw)/size)
	for i := range out {
		bits := littleEndian(t.raw[i*size : (i+1)*size])
		if size == 4 {
			out[i] = float64(math.Float32frombits(uint32(bits)))
		} else {
			out[i] = math.Float64frombits(bits)
		}
	}
	return out, nil
}

func (t *rawTensor) rawInts() ([]int64, error) {
	size := 8
	if t.kind == bools {
		size = 1
	}
	if len(t.raw)%size != 0 {
		return nil, errTruncated
	}
	out := make([]int64, len(t.raw)/size)
	for i := range out {
		out[i] = int64(littleEndian(t.raw[i*size : (i+1)*size]))
	}
	return out, nil
}

func littleEndian(b []byte) (x uint64) {
	for i, c := range b {
		x |= uint64(c) << (8 * i)
	}
	return x
}
