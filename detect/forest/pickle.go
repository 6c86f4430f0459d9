package forest

import (
	"bytes"
	"errors"
	"fmt"
)

// Export is how a model of scikit-learn becomes a file that can be read.
const Export = `from skl2onnx import to_onnx
onnx = to_onnx(model, X[:1].astype("float32"), target_opset={"": 17, "ai.onnx.ml": 3})
open("model.onnx", "wb").write(onnx.SerializeToString())`

// pickled says that a file runs code when it is read.
type pickled struct{ what string }

// Error implements error.
func (p pickled) Error() string {
	return fmt.Sprintf("it is %s, which runs the code in it when it is read; export the model as ONNX in Python:\n%s", p.what, Export)
}

// foreign says what a file is that is no ONNX, by how it begins; nil for what may be.
func foreign(b []byte) error {
	trimmed := bytes.TrimSpace(b[:min(len(b), 512)])
	begins := func(s string) bool { return bytes.HasPrefix(b, []byte(s)) }
	switch {
	case len(b) == 0:
		return errors.New("the file is empty")
	case len(b) >= 2 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5:
		return pickled{"a pickle, of joblib or of Python itself"}
	case bytes.Contains(trimmed, []byte("sklearn.")) && (begins("c") || begins("(")):
		return pickled{"a pickle of an old protocol"}
	case begins("ZF") && len(b) > 2, begins("x\x01"), begins("x\x5e"), begins("x\x9c"), begins("x\xda"):
		return pickled{"a compressed pickle of joblib"}
	case begins("\x1f\x8b"), begins("BZh"), begins("\xfd7zXZ"), begins("\x04\x22\x4d\x18"):
		return errors.New("it is compressed: an ONNX file is not; unpack it. A compressed pickle of joblib must be exported as ONNX, see docs/detection.md")
	case begins("PK\x03\x04"):
		return errors.New("it is a zip archive, of PyTorch or skops perhaps, and no ONNX file; see docs/detection.md")
	case begins("<"), begins("{"), bytes.HasPrefix(trimmed, []byte("<")), begins("version https://git-lfs"):
		return errors.New("it is text, and no ONNX file: a page, JSON, or a pointer of Git LFS in place of the file")
	}
	return nil
}
