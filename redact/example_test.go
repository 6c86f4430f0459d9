package redact_test

import (
	"fmt"

	"github.com/alertscribe/alertscribe/redact"
)

func Example() {
	r, err := redact.New([]string{`emp-(?P<secret>\d+)`}) // once per process, with expressions of the user's own
	if err != nil {
		fmt.Println(err)
		return
	}
	s := r.Session() // once per prompt: the same secret gets the same placeholder
	fmt.Println(s.Text("cannot reach postgres://app:hunter22@db:5432/shop"))
	fmt.Println(s.Text("retry with password: hunter22, asked by emp-4711"))
	// Output:
	// cannot reach postgres://app:[REDACTED:password:1]@db:5432/shop
	// retry with password: [REDACTED:password:1], asked by emp-[REDACTED:custom:2]
}
