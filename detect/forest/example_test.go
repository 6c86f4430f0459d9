package forest_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/alertscribe/alertscribe/detect/forest"
)

func Example() {
	dir, err := os.MkdirTemp("", "forest-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.pkl")
	if err := os.WriteFile(path, []byte("\x80\x04\x95"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	_, err = forest.Load(path, 3)
	fmt.Println(err != nil)
	// Output: true
}
