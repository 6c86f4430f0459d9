package incident

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// MarshalJSON implements json.Marshaler.
func (p Point) MarshalJSON() ([]byte, error) {
	value := strconv.FormatFloat(p.Value, 'g', -1, 64)
	if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
		value = strconv.Quote(value)
	}
	seconds := strconv.FormatFloat(float64(p.At.UnixMilli())/1000, 'f', -1, 64)
	return []byte("[" + seconds + "," + value + "]"), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Point) UnmarshalJSON(b []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil {
		return fmt.Errorf("reading a point: %w", err)
	}
	var seconds float64
	if err := json.Unmarshal(pair[0], &seconds); err != nil {
		return fmt.Errorf("reading the time of a point: %w", err)
	}
	var text string
	if err := json.Unmarshal(pair[1], &text); err != nil {
		text = string(pair[1])
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("reading the value of a point: %w", err)
	}
	p.At, p.Value = time.UnixMilli(int64(math.Round(seconds*1000))).UTC(), value
	return nil
}
