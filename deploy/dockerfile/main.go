// Command dockerfile compiles stages of a Dockerfile with BuildKit's own frontend, without a daemon and without a network, and prints
// what its linter warns of: what docker build --check does. It is a module of its own, since BuildKit brings many others.
//
//	go -C deploy/dockerfile run . ../../Dockerfile alertscribe loginsim
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "dockerfile: name a Dockerfile and its stages")
		os.Exit(2)
	}
	if err := check(context.Background(), os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "dockerfile:", err)
		os.Exit(1)
	}
}

// check compiles each stage; a warning is an error.
func check(ctx context.Context, file string, stages []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	caps := pb.Caps.CapSet(pb.Caps.All())
	var errs []error
	for _, stage := range stages {
		_, err := dockerfile2llb.Dockerfile2LLB(ctx, text, dockerfile2llb.ConvertOpt{
			Config: dockerui.Config{Target: stage}, MetaResolver: anyImage{}, LLBCaps: &caps,
			Warn: func(rule, description, _, message string, at []parser.Range) {
				line := 0
				if len(at) > 0 {
					line = at[0].Start.Line
				}
				errs = append(errs, fmt.Errorf("%s:%d: %s: %s (%s)", file, line, rule, message, description))
			},
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: stage %s: %w", file, stage, err))
			continue
		}
		fmt.Printf("%s: stage %s compiles\n", file, stage)
	}
	return errors.Join(errs...)
}

// anyImage stands for the registry: each image exists, and sets nothing.
type anyImage struct{}

// ResolveImageConfig implements llb.ImageMetaResolver.
func (anyImage) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	config := []byte(`{"architecture":"amd64","os":"linux","config":{}}`)
	return ref, digest.FromBytes(config), config, nil
}
