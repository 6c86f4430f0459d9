package postgres_test

import (
	"context"
	"fmt"
	"log"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/postgres"
)

func Example() {
	ctx := context.Background()
	s, err := postgres.Open(ctx, postgres.Options{URL: "postgres://alertscribe@db.example/alertscribe"})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	s.Lead(ctx, "a channel", func(ctx context.Context) { // one copy at a time
		for c := range s.Subscribe(ctx) { // what any copy commits
			inc, err := s.Peek(ctx, c.ID)
			if err == nil && inc.Status == incident.Firing {
				fmt.Println(inc.Alertname)
			}
		}
	})
}

func ExampleName() {
	fmt.Println(postgres.Name("postgres://user:secret@db.example/alertscribe?sslmode=require"))
	// Output: postgres://db.example:5432/alertscribe
}
