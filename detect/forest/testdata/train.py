#!/usr/bin/python3
"""Trains an isolation forest on what `alertscribe detect export` writes, and writes it as ONNX.

    python3 train.py features.csv checkout.onnx

It needs python3-sklearn and python3-onnx (made with Debian 12's 1.2.1 and 1.12.0). The graph is the one that skl2onnx's
converter of IsolationForest writes, node by node, by onnx.helper, since Debian has no skl2onnx. With skl2onnx,

    onnx_model = to_onnx(model, X[:1].astype(numpy.float32), target_opset={"": 17, "ai.onnx.ml": 3})

makes the same; properties() works on either.

    python3 train.py --fixture

makes the files that the tests read: checkout.onnx.gz and scores.csv.gz.
"""
import csv
import datetime
import gzip
import json
import sys

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._iforest import _average_path_length

EDGES = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]  # percentiles


def read(path):
    """Returns the names of the features, and a row for each time and series at which all of them are there."""
    with open(path, newline="") as f:
        rows = csv.reader(f)
        header = next(rows)
        features = [i for i, name in enumerate(header) if name not in ("rule", "time", "series")]
        table = [[row[i] for i in features] for row in rows]
        return [header[i] for i in features], np.array([[float(x) for x in row] for row in table if all(row)])


def threshold(y):
    """The largest 32-bit float that is not above a threshold: what (float)x <= y means for a float x."""
    f = np.float32(y)
    return float(f if f <= y else np.nextafter(f, np.float32(-np.inf)))


def leaves(tree):
    """Returns for each leaf how many nodes its path has, and how many samples it holds."""
    length, samples, todo = {}, {}, [(0, 1)]
    while todo:
        node, n = todo.pop()
        if tree.children_left[node] == -1:
            length[node], samples[node] = n, int(tree.n_node_samples[node])
        else:
            todo += [(tree.children_left[node], n + 1), (tree.children_right[node], n + 1)]
    return length, samples


class Graph:
    """Nodes and constants under names that nobody else has."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, values, dtype=np.float32):
        name = "c%d" % len(self.constants)
        self.constants.append(numpy_helper.from_array(np.array(values, dtype=dtype), name))
        return name

    def add(self, op, inputs, output=None, domain="", **attributes):
        output = output or "t%d" % len(self.nodes)
        self.nodes.append(helper.make_node(op, inputs, [output], name="n%d" % len(self.nodes), domain=domain, **attributes))
        return output


def tree_depth(g, tree, features):
    """Adds a tree: the leaf that a row ends in, the length of the path to it, and what its samples add to that."""
    n = range(tree.node_count)
    leaf = [tree.children_left[i] == -1 for i in n]
    ends = [int(i) for i in n if leaf[i]]
    subset = g.add("Gather", ["X", g.constant(features, np.int64)], axis=1)
    node = g.add(
        "TreeEnsembleRegressor", [subset], domain="ai.onnx.ml", n_targets=1, post_transform="NONE",
        nodes_treeids=[0] * len(n), nodes_nodeids=list(n), nodes_hitrates=[1.0] * len(n), nodes_missing_value_tracks_true=[0] * len(n),
        nodes_featureids=[0 if leaf[i] else int(tree.feature[i]) for i in n],
        nodes_modes=["LEAF" if leaf[i] else "BRANCH_LEQ" for i in n],
        nodes_values=[0.0 if leaf[i] else threshold(tree.threshold[i]) for i in n],
        nodes_truenodeids=[0 if leaf[i] else int(tree.children_left[i]) for i in n],
        nodes_falsenodeids=[0 if leaf[i] else int(tree.children_right[i]) for i in n],
        target_treeids=[0] * len(ends), target_nodeids=ends, target_ids=[0] * len(ends), target_weights=[float(i) for i in ends],
    )
    length, samples = leaves(tree)

    def label(values):
        out = g.add("LabelEncoder", [g.add("Cast", [node], to=TensorProto.INT64)], domain="ai.onnx.ml",
                    keys_int64s=[int(k) for k in sorted(values)], values_floats=[float(values[k]) for k in sorted(values)])
        return g.add("Reshape", [out, g.constant([-1, 1], np.int64)])

    count, path = label(samples), label(length)
    two = g.add("Cast", [g.add("Equal", [count, g.constant([2])])], to=TensorProto.FLOAT)
    many = g.add("Cast", [g.add("Greater", [count, g.constant([2])])], to=TensorProto.FLOAT)
    kept = g.add("Mul", [many, count])
    less = g.add("Add", [kept, g.constant([-1])])
    log = g.add("Mul", [g.add("Add", [g.add("Log", [g.add("Max", [less, g.constant([1])])]), g.constant([np.euler_gamma])]), g.constant([2])])
    part = g.add("Mul", [g.add("Div", [g.add("Max", [less, g.constant([0])]), g.add("Max", [kept, g.constant([1])])]), g.constant([-2])])
    more = g.add("Add", [two, g.add("Mul", [g.add("Add", [log, part]), many])])
    return g.add("Add", [g.add("Add", [path, more]), g.constant([-1])])


def to_onnx(model, features):
    g = Graph()
    depths = [tree_depth(g, e.tree_, f) for e, f in zip(model.estimators_, model.estimators_features_)]
    usual = len(depths) * _average_path_length([model.max_samples_])
    depth = g.add("Div", [g.add("Sum", depths), g.constant(usual)])
    score = g.add("Neg", [g.add("Pow", [g.constant([2]), g.add("Neg", [depth])])])
    decision = g.add("Add", [score, g.constant([-model.offset_])], "scores")
    less = g.add("Cast", [g.add("Less", [decision, g.constant([0])])], to=TensorProto.INT64)
    g.add("Add", [g.add("Mul", [less, g.constant([-2], np.int64)]), g.constant([1], np.int64)], "label")
    graph = helper.make_graph(
        g.nodes, "isolation forest", [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info("label", TensorProto.INT64, [None, 1]), helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 1])],
        g.constants)
    out = helper.make_model(graph, producer_name="train.py", ir_version=8,
                            opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)])
    checker.check_model(out)
    return out


def properties(onnx_model, model, names, X):
    """Adds what alertscribe reads beside the graph: see docs/detection.md."""
    number = lambda x: float("%.6g" % x)
    helper.set_model_props(onnx_model, {
        "trained_at": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "features": json.dumps(names),
        "feature_edges": json.dumps([[number(x) for x in np.percentile(X[:, i], EDGES)] for i in range(len(names))]),
        "feature_means": json.dumps([number(x) for x in X.mean(axis=0)]),
        "feature_deviations": json.dumps([number(x) for x in X.std(axis=0)]),
        "usual_score": "%.6g" % np.median(model.decision_function(X)),
    })


def train(names, X, seed=0):
    # 32 bits are what the model sees of a value.
    X = X.astype(np.float32)
    model = IsolationForest(n_estimators=100, contamination=0.001, random_state=seed).fit(X)
    onnx_model = to_onnx(model, X.shape[1])
    properties(onnx_model, model, names, X)
    return model, onnx_model


def fixture():
    """Two weeks of a shop at ten minutes: orders by the time of day, errors that follow them, and orders ten minutes before."""
    r = np.random.default_rng(1)
    t = np.arange(14 * 144)
    rps = 100 + 40 * np.sin(2 * np.pi * t / 144) + 3 * r.normal(size=len(t))
    X = np.stack([rps, np.roll(rps, 1), rps * .02 * r.lognormal(0, .2, size=len(t))], axis=1)
    names = ["rps", "rps_before", "errors"]
    model, onnx_model = train(names, X)
    with gzip.GzipFile("checkout.onnx.gz", "wb", mtime=0) as f:
        f.write(onnx_model.SerializeToString())
    rows = np.concatenate([X[r.integers(0, len(X), 500)], r.uniform([0, 0, -1], [300, 300, 20], (500, 3))]).astype(np.float32)
    with gzip.GzipFile("scores.csv.gz", "wb", mtime=0) as f:
        for row, score in zip(rows, model.decision_function(rows)):
            f.write(("%s,%.17g\n" % (",".join("%.9g" % x for x in row), score)).encode())


if __name__ == "__main__":
    if sys.argv[1:] == ["--fixture"]:
        fixture()
    elif len(sys.argv) == 3:
        with open(sys.argv[2], "wb") as f:
            f.write(train(*read(sys.argv[1]))[1].SerializeToString())
    else:
        sys.exit(__doc__)
