package forest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// operator makes the step of a node.
type operator struct {
	domain     string
	inputs     int      // negative for at least so many
	attributes []string // that it may have
	make       func(c *compiler, n *node, in []*tensor) (kind int64, shape []int, s step, err error)
}

// node is a node with its attributes by name.
type node struct {
	*rawNode
	attribute map[string]*rawAttribute
}

// operators are those that skl2onnx writes for isolation forests, and for scalers before them.
var operators = map[string]operator{
	"Identity": {"", 1, nil, makeUnary(opCopy, false)},
	"Neg":      {"", 1, nil, makeUnary(opNeg, true)},
	"Log":      {"", 1, nil, makeUnary(opLog, true)},
	"Cast":     {"", 1, []string{"to", "saturate"}, makeCast},
	"Add":      {"", 2, nil, makeBinary(opAdd, false)},
	"Sub":      {"", 2, nil, makeBinary(opSub, false)},
	"Mul":      {"", 2, nil, makeBinary(opMul, false)},
	"Div":      {"", 2, nil, makeBinary(opDiv, true)},
	"Pow":      {"", 2, nil, makeBinary(opPow, true)},
	"Equal":    {"", 2, nil, makeComparison(opEqual)},
	"Greater":  {"", 2, nil, makeComparison(opGreater)},
	"Less":     {"", 2, nil, makeComparison(opLess)},
	"Sum":      {"", -1, nil, makeVariadic(opAdd)},
	"Max":      {"", -1, nil, makeVariadic(opMax)},
	"Gather":   {"", 2, []string{"axis"}, makeGather},
	"Reshape":  {"", 2, []string{"allowzero"}, makeReshape},
	"Scaler":   {mlDomain, 1, []string{"offset", "scale"}, makeScaler},
	"LabelEncoder": {mlDomain, 1, []string{
		"keys_int64s", "keys_floats", "values_floats", "values_int64s", "default_float", "default_int64", "default_string",
	}, makeLabels},
	"TreeEnsembleRegressor": {mlDomain, 1, treeAttributes, makeTrees},
}

// node makes the step of a node, and the tensor that it writes.
func (c *compiler) node(raw *rawNode) error {
	op, known := operators[raw.op]
	domain := raw.domain
	if domain == "ai.onnx" {
		domain = ""
	}
	switch {
	case !known || op.domain != domain:
		return fmt.Errorf("unknown operator of the domain %s; known are those of an isolation forest, and of a scaler before it: %s; export such a model by skl2onnx with target_opset={\"\": 17, \"ai.onnx.ml\": 3}",
			quoted(raw.domain), strings.Join(slices.Sorted(maps.Keys(operators)), ", "))
	case op.inputs >= 0 && len(raw.inputs) != op.inputs || len(raw.inputs) < -op.inputs:
		return fmt.Errorf("it has %d inputs", len(raw.inputs))
	case len(raw.outputs) != 1:
		return fmt.Errorf("it has %d outputs", len(raw.outputs))
	}
	n := &node{raw, map[string]*rawAttribute{}}
	for i := range raw.attributes {
		a := &raw.attributes[i]
		if !slices.Contains(op.attributes, a.name) {
			return fmt.Errorf("unknown attribute %s", quoted(a.name))
		}
		if a.tensor != nil && !strings.HasSuffix(a.name, asTensor) {
			a.foreign = "a tensor"
		}
		if a.foreign != "" {
			return fmt.Errorf("attribute %s is %s, which is not supported", quoted(a.name), a.foreign)
		}
		n.attribute[a.name] = a
	}
	in := make([]*tensor, len(raw.inputs))
	for i, name := range raw.inputs {
		var err error
		if in[i], err = c.use(name); err != nil {
			return err
		}
		c.work += in[i].place.n
	}
	kind, shape, s, err := op.make(c, n, in)
	if err != nil {
		return err
	}
	out, err := c.define(raw.outputs[0], kind, shape)
	if err != nil {
		return err
	}
	if c.work += out.place.n; c.work > maxWork {
		return fmt.Errorf("a row takes more than %d operations", maxWork)
	}
	s.out = out.place
	for _, t := range in {
		s.in = append(s.in, t.place)
	}
	c.program = append(c.program, s)
	return nil
}

type maker = func(c *compiler, n *node, in []*tensor) (kind int64, shape []int, s step, err error)

func makeUnary(code opcode, floats bool) maker {
	return func(_ *compiler, _ *node, in []*tensor) (int64, []int, step, error) {
		if err := numbers(in, floats); err != nil && code != opCopy {
			return 0, nil, step{}, err
		}
		return in[0].kind, in[0].shape, step{code: code}, nil
	}
}

func makeBinary(code opcode, floats bool) maker {
	return func(_ *compiler, _ *node, in []*tensor) (int64, []int, step, error) {
		shape, err := joined(in)
		if err == nil {
			err = numbers(in, floats)
		}
		return in[0].kind, shape, step{code: code}, err
	}
}

func makeComparison(code opcode) maker {
	return func(_ *compiler, _ *node, in []*tensor) (int64, []int, step, error) {
		shape, err := joined(in)
		if err == nil {
			err = numbers(in, false)
		}
		return bools, shape, step{code: code}, err
	}
}

func makeVariadic(code opcode) maker {
	return func(_ *compiler, _ *node, in []*tensor) (int64, []int, step, error) {
		shape, err := joined(in)
		if err == nil {
			err = numbers(in, false)
		}
		return in[0].kind, shape, step{code: code}, err
	}
}

// numbers tells whether all have the same type, and it is one of numbers.
func numbers(in []*tensor, floats bool) error {
	for _, t := range in {
		switch {
		case t.kind != in[0].kind:
			return errors.New("its inputs have different types")
		case t.kind == bools || floats && !t.float():
			return errors.New("the type of its inputs is not supported")
		}
	}
	return nil
}

// joined returns the shape of what is computed element by element: that of all inputs, but for those of one element.
func joined(in []*tensor) ([]int, error) {
	shape, n := in[0].shape, in[0].place.n
	for _, t := range in[1:] {
		switch {
		case t.place.n == 1 && len(t.shape) <= len(shape):
		case n == 1 && len(shape) <= len(t.shape):
			shape, n = t.shape, t.place.n
		case !slices.Equal(significant(shape), significant(t.shape)):
			return nil, fmt.Errorf("shapes %v and %v can't be combined", shape, t.shape)
		case len(t.shape) > len(shape):
			shape = t.shape
		}
	}
	return shape, nil
}

// significant returns a shape without the ones that it begins with: a constant for all columns has the shape [n], a row has [1, n].
func significant(shape []int) []int {
	for len(shape) > 0 && shape[0] == 1 {
		shape = shape[1:]
	}
	return shape
}

// makeScaler makes (x - offset) * scale of each column.
func makeScaler(_ *compiler, n *node, in []*tensor) (int64, []int, step, error) {
	s := step{code: opScale, offset: n.floats("offset"), scale: n.floats("scale")}
	for name, list := range map[string][]float64{"offset": s.offset, "scale": s.scale} {
		if len(list) != 1 && len(list) != in[0].place.n {
			return 0, nil, step{}, fmt.Errorf("%s has %d elements for %d columns", name, len(list), in[0].place.n)
		}
	}
	if in[0].kind == bools {
		return 0, nil, step{}, errors.New("the type of its inputs is not supported")
	}
	return float32s, in[0].shape, s, nil
}

func makeCast(_ *compiler, n *node, in []*tensor) (int64, []int, step, error) {
	to := n.attribute["to"]
	if to == nil {
		return 0, nil, step{}, errors.New("attribute \"to\" is missing")
	}
	s := step{code: opCopy}
	switch to.i {
	case float32s:
		s.code = opRound
	case float64s:
	case int64s:
		s.code = opTruncate
	case bools:
		s.code = opBool
	default:
		return 0, nil, step{}, fmt.Errorf("the type %d is not supported", to.i)
	}
	return to.i, in[0].shape, s, nil
}

func makeGather(_ *compiler, n *node, in []*tensor) (int64, []int, step, error) {
	data, indices := in[0], in[1]
	axis := int64(0)
	if a := n.attribute["axis"]; a != nil {
		axis = a.i
	}
	if axis < 0 {
		axis += int64(len(data.shape))
	}
	switch {
	case len(data.shape) != 2 || data.shape[0] != 1 || axis != 1:
		return 0, nil, step{}, errors.New("only columns of the rows can be gathered")
	case !indices.constant || indices.kind != int64s || len(indices.shape) != 1 || len(indices.shaped) == 0:
		return 0, nil, step{}, errors.New("what is gathered must be a constant list of columns")
	}
	s := step{code: opGather}
	for _, i := range indices.shaped {
		if i < 0 {
			i += int64(data.shape[1])
		}
		if i < 0 || i >= int64(data.shape[1]) {
			return 0, nil, step{}, fmt.Errorf("it gathers column %d of %d", i, data.shape[1])
		}
		s.columns = append(s.columns, int(i))
	}
	return data.kind, []int{1, len(s.columns)}, s, nil
}

func makeReshape(_ *compiler, n *node, in []*tensor) (int64, []int, step, error) {
	data, to := in[0], in[1]
	if !to.constant || to.kind != int64s || len(to.shape) != 1 || len(to.shaped) > maxRank {
		return 0, nil, step{}, errors.New("the new shape must be a constant list")
	}
	if a := n.attribute["allowzero"]; a != nil && a.i != 0 {
		return 0, nil, step{}, errors.New("attribute \"allowzero\" is not supported")
	}
	shape, known, open := make([]int, len(to.shaped)), 1, -1
	for i, d := range to.shaped {
		switch {
		case d == -1 && open < 0:
			open = i
			continue
		case d == 0 && i < len(data.shape):
			d = int64(data.shape[i])
		case d < 1:
			return 0, nil, step{}, fmt.Errorf("the new shape is %v", to.shaped)
		}
		if d > int64(data.place.n) {
			return 0, nil, step{}, fmt.Errorf("%d elements have no shape %v", data.place.n, to.shaped)
		}
		shape[i] = int(d)
		known *= int(d)
	}
	if open >= 0 {
		shape[open] = data.place.n / max(known, 1)
		known *= shape[open]
	}
	if known != data.place.n {
		return 0, nil, step{}, fmt.Errorf("%d elements have no shape %v", data.place.n, to.shaped)
	}
	return data.kind, shape, step{code: opCopy}, nil
}

// makeLabels makes a table of what each key becomes.
func makeLabels(_ *compiler, n *node, in []*tensor) (int64, []int, step, error) {
	fail := func(format string, args ...any) (int64, []int, step, error) {
		return 0, nil, step{}, fmt.Errorf(format, args...)
	}
	var keys, values []float64
	keyKind, valueKind, otherwise := int64(0), int64(0), 0.
	for name, a := range n.attribute {
		switch name {
		case "keys_int64s":
			keyKind, keys = int64s, asFloats(a.ints)
		case "keys_floats":
			keyKind, keys = float32s, a.floats
		case "values_int64s":
			valueKind, values = int64s, asFloats(a.ints)
		case "values_floats":
			valueKind, values = float32s, a.floats
		}
	}
	switch {
	case keyKind == 0 || valueKind == 0 || len(keys) != len(values) || len(keys) == 0:
		return fail("it has %d keys and %d values", len(keys), len(values))
	case keyKind == int64s && in[0].kind != int64s || keyKind != int64s && !in[0].float():
		return fail("its keys have another type than its input")
	}
	if valueKind == int64s {
		otherwise = -1
		if a := n.attribute["default_int64"]; a != nil {
			otherwise = float64(a.i)
		}
	} else if a := n.attribute["default_float"]; a != nil {
		otherwise = a.f
	}
	return valueKind, in[0].shape, step{code: opLabel, labels: newLabels(keys, values, otherwise)}, nil
}

func asFloats(x []int64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}
