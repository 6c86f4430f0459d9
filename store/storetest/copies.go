package storetest

import "testing"

func testManyCopies(t *testing.T, e *Engine) {}
