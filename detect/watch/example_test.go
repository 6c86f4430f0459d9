package watch_test

import (
	"fmt"

	"github.com/alertscribe/alertscribe/detect/watch"
)

func Example() {
	groups, err := watch.Parse("detect/shop.yml", []byte(`
groups:
- name: shop
  rules:
  - alert: CheckoutRateUnusual
    expr: sum by (region) (rate(checkout_total[5m]))
    for: 5m
    anomaly: {false_alarms: 1 per 14d, direction: down, sensitivity: high}
`))
	fmt.Println(len(groups), err)
	// Output: 0 detect/shop.yml:8: unknown key "sensitivity" in an anomaly block
}
