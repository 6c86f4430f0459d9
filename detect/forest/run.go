package forest

import "math"

// opcode says what a step does.
type opcode uint8

const (
	opCopy opcode = iota
	opNeg
	opLog
	opTruncate
	opRound // to 32 bits
	opBool
	opAdd
	opSub
	opMul
	opDiv
	opPow
	opMax
	opEqual
	opGreater
	opLess
	opGather
	opLabel
	opScale
	opTrees
)

// step computes one tensor of others. It reads and writes only places that compile has made.
type step struct {
	code    opcode
	in      []place
	out     place
	columns []int     // for opGather
	labels  *labels   // for opLabel
	trees   *trees    // for opTrees
	offset  []float64 // for opScale, one for all or one for each
	scale   []float64
}

// run computes a row. It neither fails nor allocates; what it takes is bounded by compile.
func run(program []step, memory []float64) {
	for i := range program {
		s := &program[i]
		switch first := s.in[0]; s.code {
		case opGather:
			for k, column := range s.columns {
				memory[s.out.at+k] = memory[first.at+column]
			}
		case opScale:
			for k := range s.out.n {
				x := (memory[first.at+k] - s.offset[k%len(s.offset)]) * s.scale[k%len(s.scale)]
				memory[s.out.at+k] = float64(float32(x))
			}
		case opTrees:
			memory[s.out.at] = s.trees.sum(memory[first.at : first.at+first.n])
		case opCopy, opNeg, opLog, opTruncate, opRound, opBool, opLabel:
			for k := range s.out.n {
				memory[s.out.at+k] = s.unary(memory[first.at+k])
			}
		case opAdd, opSub, opMul, opDiv, opPow, opMax, opEqual, opGreater, opLess:
			for k := range s.out.n {
				x := memory[first.at+k%first.n]
				for _, p := range s.in[1:] {
					x = s.code.binary(x, memory[p.at+k%p.n])
				}
				memory[s.out.at+k] = x
			}
		}
	}
}

func (s *step) unary(x float64) float64 {
	switch s.code {
	case opNeg:
		return -x
	case opLog:
		return math.Log(x)
	case opTruncate:
		return math.Trunc(x)
	case opRound:
		return float64(float32(x))
	case opBool:
		return truth(x != 0)
	case opLabel:
		return s.labels.get(x)
	default:
		return x
	}
}

func (c opcode) binary(x, y float64) float64 {
	switch c {
	case opAdd:
		return x + y
	case opSub:
		return x - y
	case opMul:
		return x * y
	case opDiv:
		return x / y
	case opPow:
		return math.Pow(x, y)
	case opMax:
		return max(x, y)
	case opEqual:
		return truth(x == y)
	case opGreater:
		return truth(x > y)
	default:
		return truth(x < y)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// labels is what keys become: a list where they are small integers, else a map.
type labels struct {
	list      []float64
	all       map[float64]float64
	otherwise float64
}

func newLabels(keys, values []float64, otherwise float64) *labels {
	l := &labels{otherwise: otherwise}
	most := 0.
	for _, k := range keys {
		if k < 0 || k != math.Trunc(k) || k > maxElements {
			most = math.Inf(1)
			break
		}
		most = max(most, k)
	}
	if most <= float64(4*len(keys)+64) { // no more memory than the file has
		l.list = make([]float64, int(most)+1)
		for i := range l.list {
			l.list[i] = otherwise
		}
		for i, k := range keys {
			l.list[int(k)] = values[i]
		}
		return l
	}
	l.all = make(map[float64]float64, len(keys))
	for i, k := range keys {
		l.all[k] = values[i]
	}
	return l
}

func (l *labels) get(x float64) float64 {
	if l.all != nil {
		if v, ok := l.all[x]; ok {
			return v
		}
		return l.otherwise
	}
	if x >= 0 && x < float64(len(l.list)) {
		if i := int(x); float64(i) == x {
			return l.list[i]
		}
	}
	return l.otherwise
}
