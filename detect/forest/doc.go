// Package forest reads isolation forests that scikit-learn has trained and skl2onnx has written as ONNX, and scores rows by them.
//
//	m, err := forest.Load("checkout.onnx", 3) // the rule declares three features
//	m.Score([]float64{412, 398, 2.1})         // scikit-learn's decision_function: an outlier is below 0
//
// # What is read
//
// The operators that skl2onnx writes for an isolation forest, and for a scaler before it, in the domains ai.onnx (from version 11)
// and ai.onnx.ml (from version 2): Gather, TreeEnsembleRegressor, LabelEncoder, Scaler, Cast, Reshape, Identity, Equal, Greater, Less,
// Mul, Add, Sub, Div, Max, Sum, Log, Neg and Pow. All else is refused by its name: a model that is read is computed as it is written. The input is one tensor of
// floats with a known number of columns, and the output that counts is named scores, or is the only one that holds floats.
//
// Rows are rounded to 32 bits, as scikit-learn and the model do, and computed in 64. Scores differ from scikit-learn's by less
// than 1e-6 (go test ./detect/forest -run TestAgreesWithScikitLearn -v).
//
// # What a file can do
//
// A file is a stranger's. It is bounded in bytes, nodes, elements, and the work that a row takes; trees are followed without
// recursion and must be trees; a node may only use what is made before it. What is wrong is said with the name of the node.
// A model that has no score for a row of zeros is refused.
//
// # What stands beside the graph
//
// metadata_props may hold what the model was trained on, see [Info]: from that, drift is told.
package forest
