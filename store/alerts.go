package store

import (
	"context"
	"fmt"

	"github.com/alertscribe/alertscribe/store/layout"
)

func (b *batch) writeChunks(ctx context.Context, seq int64, writes []layout.ChunkWrite) error {
	for _, w := range writes {
		var err error
		if w.Doc == nil {
			err = b.exec(ctx, deleteChunk, seq, w.Number)
		} else {
			err = b.exec(ctx, upsertChunk, seq, w.Number, string(w.Doc))
		}
		if err != nil {
			return fmt.Errorf("writing alerts: %w", err)
		}
	}
	return nil
}
