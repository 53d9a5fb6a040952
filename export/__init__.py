"""From a checkpoint to a model bundle: two ONNX graphs, a frozen tokenizer, frozen preprocessing, a manifest."""
