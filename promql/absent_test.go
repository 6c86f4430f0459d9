package promql

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVanishing(t *testing.T) {
	for expr, want := range map[string]string{
		`absent(up{job="a"})`:                            `up{job="a"}`,
		`absent(up{job="a"} == 1)`:                       `up{job="a"}`,
		`(absent(sum(up)))`:                              `up`,
		`absent_over_time(up[5m])`:                       `up`,
		`absent_over_time(rate(x[5m])[1h:1m])`:           `rate(x[5m])`,
		`absent(a and b)`:                                `a`,
		`absent(a or b)`:                                 `a`,
		`absent(a + b)`:                                  `a + b`,
		`info unless on (job) up`:                        `up`,
		`info unless on (job) count by (job) (up == 1)`:  `up`,
		`info unless on (job) up > 1`:                    `up`,
		`(info > 1) unless up`:                           ``,
		`up == 0`:                                        ``,
		`info and absent(up)`:                            `up`,
		`sum(absent(up))`:                                `up`,
		`sum(absent(up{job="a"})) > 0`:                   `up{job="a"}`,
		`absent(up{job="a"}) * on () group_left () info`: `up{job="a"}`,
		`absent(up) + 1`:                                 ``,
		`vector(1)`:                                      ``,
	} {
		t.Run(expr, func(t *testing.T) {
			got := Vanishing(conditionsOf(parsed(t, expr))[0])
			if want == "" {
				assert.Nil(t, got)
				return
			}
			assert.Equal(t, want, got.String())
		})
	}
}

func TestCountPresent(t *testing.T) {
	for expr, want := range map[string]string{
		`absent(up{job="a"})`:      `count(up{job="a"})`,
		`(absent(up == 1))`:        `count(up == 1)`,
		`absent_over_time(up[5m])`: `count(present_over_time(up[5m]))`,
		`up`:                       ``,
		`rate(up[5m])`:             ``,
		`absent(up) + 1`:           ``,
		`sum(absent(up))`:          `count(up)`,
	} {
		t.Run(expr, func(t *testing.T) {
			got := CountPresent(parsed(t, expr))
			if want == "" {
				assert.Nil(t, got)
				return
			}
			assert.Equal(t, want, got.String())
			_, err := Parse(got.String())
			assert.NoError(t, err)
		})
	}
}
