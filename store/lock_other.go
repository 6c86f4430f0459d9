//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package store

import "os"

// flock does nothing where there is no flock: nothing keeps a second process away from the database.
func flock(*os.File) (held bool, err error) { return false, nil }
