package forest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// maxFeatures bounds the columns of a model.
const maxFeatures = 100

// The keys of metadata_props that are read; others are ignored.
const (
	KeyTrainedAt  = "trained_at"         // RFC 3339
	KeyFeatures   = "features"           // JSON: the names of the features, in the order of the columns
	KeyEdges      = "feature_edges"      // JSON: for each feature its quantiles while it was trained, at equal distances, the least and the largest included
	KeyMeans      = "feature_means"      // JSON: a number for each feature
	KeyDeviations = "feature_deviations" // JSON: a number for each feature
	KeyUsual      = "usual_score"        // the median score while it was trained
)

// Info is what a file says about the data that the model was trained on. All of it may be missing.
type Info struct {
	TrainedAt  time.Time
	Features   []string    // names, in the order of the columns
	Edges      [][]float64 // of each feature: its quantiles, from the least value to the largest
	Means      []float64   // of each feature
	Deviations []float64   // of each feature
	Usual      float64     // the median score; 0 if unknown
}

// readInfo reads metadata_props. What is there must be right: drift that is told from half of it would be wrong.
func readInfo(metadata map[string]string, features int) (Info, error) {
	var info Info
	for key, read := range map[string]func(string) error{
		KeyTrainedAt: func(s string) (err error) { info.TrainedAt, err = time.Parse(time.RFC3339, s); return err },
		KeyFeatures:  func(s string) error { return list(s, &info.Features, features) },
		KeyEdges: func(s string) error {
			if err := list(s, &info.Edges, features); err != nil {
				return err
			}
			return checkEdges(info.Edges)
		},
		KeyMeans:      func(s string) error { return list(s, &info.Means, features) },
		KeyDeviations: func(s string) error { return list(s, &info.Deviations, features) },
		KeyUsual: func(s string) (err error) {
			info.Usual, err = strconv.ParseFloat(s, 64)
			if math.IsNaN(info.Usual) || math.IsInf(info.Usual, 0) {
				err = strconv.ErrRange
			}
			return err
		},
	} {
		if s, there := metadata[key]; there {
			if err := read(s); err != nil {
				return Info{}, fmt.Errorf("metadata_props: %s: %w", key, err)
			}
		}
	}
	return info, nil
}

// list reads a JSON list with an element for each feature.
func list[T any](s string, into *[]T, n int) error {
	if err := json.Unmarshal([]byte(s), into); err != nil {
		return err
	}
	if len(*into) != n {
		return fmt.Errorf("it has %d elements and the model %d features", len(*into), n)
	}
	return nil
}

func checkEdges(edges [][]float64) error {
	for _, e := range edges {
		if len(e) < 3 || len(e) > 1001 || !slices.IsSorted(e) {
			return fmt.Errorf("quantiles must be 3 to 1001 numbers in their order")
		}
	}
	return nil
}
