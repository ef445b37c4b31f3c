//! Runs ONNX models in a process of their own.
