package forest

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The bounds of a file.
const (
	// MaxFileBytes is the size of the largest file that is read. A forest of scikit-learn's default size has one to three MB.
	MaxFileBytes = 32 << 20
	maxNodes     = 100_000
	maxElements  = 2_000_000 // numbers and texts of attributes and constants, all together
	maxNameBytes = 1000      // of a name
)

var (
	errTruncated = errors.New("the file is truncated or damaged")
	errElements  = fmt.Errorf("it holds more than %d numbers", maxElements)
)

// field is one field of a message.
type field struct {
	number int
	kind   protowire.Type
	bytes  []byte
	bits   uint64
}

// fields calls f with each field of a message.
func fields(b []byte, f func(field) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errTruncated
		}
		b = b[n:]
		x := field{number: int(number), kind: kind}
		switch kind {
		case protowire.BytesType:
			x.bytes, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			x.bits, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			x.bits = uint64(v)
		case protowire.Fixed64Type:
			x.bits, n = protowire.ConsumeFixed64(b)
		default: // groups, which ONNX has none of
			return errTruncated
		}
		if n < 0 {
			return errTruncated
		}
		b = b[n:]
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}

// reader reads the messages of a file. What it reads is bounded for the file as a whole.
type reader struct{ elements int }

func (r *reader) count(n int) error {
	if r.elements += n; r.elements > maxElements {
		return errElements
	}
	return nil
}

func (r *reader) text(x field) (string, error) {
	if x.kind != protowire.BytesType {
		return "", errTruncated
	}
	if len(x.bytes) > maxNameBytes {
		return "", fmt.Errorf("a name has %d bytes", len(x.bytes))
	}
	return string(x.bytes), r.count(1)
}

// floats reads a list of 32-bit floats, packed or not.
func (r *reader) floats(into []float64, x field) ([]float64, error) {
	if x.kind == protowire.Fixed32Type {
		return append(into, float64(math.Float32frombits(uint32(x.bits)))), r.count(1)
	}
	for b := x.bytes; len(b) > 0; {
		v, n := protowire.ConsumeFixed32(b)
		if n < 0 || x.kind != protowire.BytesType {
			return nil, errTruncated
		}
		if err := r.count(1); err != nil {
			return nil, err
		}
		into, b = append(into, float64(math.Float32frombits(v))), b[n:]
	}
	return into, nil
}

// doubles reads a list of 64-bit floats, packed or not.
func (r *reader) doubles(into []float64, x field) ([]float64, error) {
	if x.kind == protowire.Fixed64Type {
		return append(into, math.Float64frombits(x.bits)), r.count(1)
	}
	for b := x.bytes; len(b) > 0; {
		v, n := protowire.ConsumeFixed64(b)
		if n < 0 || x.kind != protowire.BytesType {
			return nil, errTruncated
		}
		if err := r.count(1); err != nil {
			return nil, err
		}
		into, b = append(into, math.Float64frombits(v)), b[n:]
	}
	return into, nil
}

// ints reads a list of integers, packed or not.
func (r *reader) ints(into []int64, x field) ([]int64, error) {
	if x.kind == protowire.VarintType {
		return append(into, int64(x.bits)), r.count(1)
	}
	for b := x.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 || x.kind != protowire.BytesType {
			return nil, errTruncated
		}
		if err := r.count(1); err != nil {
			return nil, err
		}
		into, b = append(into, int64(v)), b[n:]
	}
	return into, nil
}

// model reads a ModelProto.
func (r *reader) model(b []byte) (*rawModel, error) {
	m := &rawModel{opsets: map[string]int64{}, metadata: map[string]string{}}
	err := fields(b, func(x field) (err error) {
		switch x.number {
		case 2:
			m.producer, err = r.text(x)
		case 7:
			m.graphs++
			err = r.graph(&m.graph, x.bytes)
		case 8:
			var domain string
			var version int64
			if domain, version, err = r.opset(x.bytes); err == nil {
				m.opsets[domain] = version
			}
		case 14:
			var key, value string
			if key, value, err = r.property(x.bytes); err == nil {
				m.metadata[key] = value
			}
		}
		return err
	})
	return m, err
}

func (r *reader) opset(b []byte) (domain string, version int64, err error) {
	err = fields(b, func(x field) (err error) {
		switch x.number {
		case 1:
			domain, err = r.text(x)
		case 2:
			version = int64(x.bits)
		}
		return err
	})
	return domain, version, err
}

// property reads an entry of metadata_props. Its value can be long; it is counted by its bytes.
func (r *reader) property(b []byte) (key, value string, err error) {
	err = fields(b, func(x field) (err error) {
		switch x.number {
		case 1:
			key, err = r.text(x)
		case 2:
			value, err = string(x.bytes), r.count(len(x.bytes)/8)
		}
		return err
	})
	return key, value, err
}

func (r *reader) graph(g *rawGraph, b []byte) error {
	return fields(b, func(x field) (err error) {
		switch x.number {
		case 1:
			if len(g.nodes) >= maxNodes {
				return fmt.Errorf("it has more than %d nodes", maxNodes)
			}
			var n rawNode
			err = r.node(&n, x.bytes)
			g.nodes = append(g.nodes, n)
		case 5:
			var t rawTensor
			err = r.tensor(&t, x.bytes)
			g.constants = append(g.constants, t)
		case 11, 12:
			var v rawValue
			err = r.value(&v, x.bytes)
			if x.number == 11 {
				g.inputs = append(g.inputs, v)
			} else {
				g.outs = append(g.outs, v)
			}
		case 15:
			err = errors.New("it has sparse constants, which are not supported")
		}
		return err
	})
}

func (r *reader) node(n *rawNode, b []byte) error {
	return fields(b, func(x field) (err error) {
		var s string
		switch x.number {
		case 1, 2, 3, 4, 7:
			if s, err = r.text(x); err != nil {
				return err
			}
		}
		switch x.number {
		case 1:
			n.inputs = append(n.inputs, s)
		case 2:
			n.outputs = append(n.outputs, s)
		case 3:
			n.name = s
		case 4:
			n.op = s
		case 5:
			var a rawAttribute
			err = r.attribute(&a, x.bytes)
			n.attributes = append(n.attributes, a)
		case 7:
			n.domain = s
		}
		return err
	})
}

func (r *reader) attribute(a *rawAttribute, b []byte) error {
	if err := r.count(1); err != nil {
		return err
	}
	return fields(b, func(x field) (err error) {
		switch x.number {
		case 1:
			a.name, err = r.text(x)
		case 2:
			a.f = float64(math.Float32frombits(uint32(x.bits)))
		case 3:
			a.i = int64(x.bits)
		case 4:
			a.s, err = r.text(x)
		case 7:
			a.floats, err = r.floats(a.floats, x)
		case 8:
			a.ints, err = r.ints(a.ints, x)
		case 9:
			switch string(x.bytes) { // nearly all of them
			case "LEAF":
				a.strings, err = append(a.strings, "LEAF"), r.count(1)
			case "BRANCH_LEQ":
				a.strings, err = append(a.strings, "BRANCH_LEQ"), r.count(1)
			default:
				var s string
				s, err = r.text(x)
				a.strings = append(a.strings, s)
			}
		case 5:
			a.tensor = &rawTensor{}
			err = r.tensor(a.tensor, x.bytes)
		case 10:
			a.foreign = "a list of tensors"
		case 6, 11:
			a.foreign = "a graph"
		case 22, 23:
			a.foreign = "a sparse tensor"
		case 14, 15:
			a.foreign = "a type"
		case 21:
			a.foreign = "a reference"
		}
		return err
	})
}

func (r *reader) tensor(t *rawTensor, b []byte) error {
	if err := r.count(1); err != nil {
		return err
	}
	return fields(b, func(x field) (err error) {
		switch x.number {
		case 1:
			t.dims, err = r.ints(t.dims, x)
		case 2:
			t.kind = int64(x.bits)
		case 4:
			t.floats, err = r.floats(t.floats, x)
		case 5, 7, 11:
			t.ints, err = r.ints(t.ints, x)
		case 8:
			t.name, err = r.text(x)
		case 9:
			t.raw, err = x.bytes, r.count(len(x.bytes)/4)
		case 10:
			t.floats, err = r.doubles(t.floats, x)
		case 13:
			t.external = true
		case 14:
			t.external = t.external || x.bits != 0
		}
		return err
	})
}

// value reads a ValueInfoProto: name, TypeProto, TypeProto.Tensor, TensorShapeProto, Dimension.
func (r *reader) value(v *rawValue, b []byte) error {
	if err := r.count(1); err != nil {
		return err
	}
	dimension := func(x field) error {
		if x.number != 1 {
			return nil
		}
		size := int64(0)
		err := fields(x.bytes, func(x field) error {
			if x.number == 1 {
				size = int64(x.bits)
			}
			return nil
		})
		v.dims = append(v.dims, size)
		return errors.Join(err, r.count(1))
	}
	tensor := func(x field) error {
		switch x.number {
		case 1:
			v.kind = int64(x.bits)
		case 2:
			return fields(x.bytes, dimension)
		}
		return nil
	}
	return fields(b, func(x field) (err error) {
		switch x.number {
		case 1:
			v.name, err = r.text(x)
		case 2:
			err = fields(x.bytes, func(x field) error {
				if x.number != 1 {
					return nil
				}
				return fields(x.bytes, tensor)
			})
		}
		return err
	})
}
