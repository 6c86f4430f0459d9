package store

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/alertscribe/alertscribe/incident"
)

func TestClaimsOfOneBatch(t *testing.T) {
	s, _ := openAt(t)
	for i := range 4 {
		accept(t, s, firing(fmt.Sprint(i), at))
	}
	var mu sync.Mutex
	got := map[string]int{}
	one := func() {
		claims, err := s.Claim(context.Background(), incident.WorkFile, 1)
		mu.Lock()
		defer mu.Unlock()
		assert.NoError(t, err)
		for _, c := range claims {
			got[c.Incident.ID]++
		}
	}
	together(t, s, one, one, func() { _, _ = s.Accept(context.Background(), firing("4", at)) }, one, one, one)
	assert.Len(t, got, 5, "each got another one, one of them what the batch itself had opened")
}
