package notifytest_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/alertscribe/alertscribe/notify/notifytest"
)

// A robot that answers 200 to an error, as its vendor does.
func Example() {
	robot := notifytest.WeCom()
	defer robot.Close()
	resp, err := http.Post(robot.URL, "application/json", strings.NewReader(`{"msgtype":"markdown"}`)) //nolint:noctx // an example
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status, len(robot.Accepted()))
	// Output: 200 OK 0
}
