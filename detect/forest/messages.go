package forest

// The file as it is written, as far as it is used.
type (
	rawModel struct {
		producer string
		opsets   map[string]int64
		metadata map[string]string
		graphs   int
		graph    rawGraph
	}
	rawGraph struct {
		nodes        []rawNode
		constants    []rawTensor
		inputs, outs []rawValue
	}
	rawNode struct {
		op, domain, name string
		inputs, outputs  []string
		attributes       []rawAttribute
	}
	rawAttribute struct {
		name    string
		f       float64
		i       int64
		s       string
		floats  []float64
		ints    []int64
		strings []string
		tensor  *rawTensor // of those that may have one
		foreign string     // what it holds that is not read
	}
	rawTensor struct {
		name     string
		kind     int64
		dims     []int64
		floats   []float64
		ints     []int64
		raw      []byte
		external bool
	}
	rawValue struct {
		name string
		kind int64   // 0 for what is no tensor
		dims []int64 // 0 for a dimension that is not fixed
	}
)
