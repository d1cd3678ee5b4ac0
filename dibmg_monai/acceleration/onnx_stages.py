"""Stages of the network as ONNX models, batch normalizations folded into the convolutions, for ONNX Runtime."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import nn

from dibmg_monai.acceleration.stages import Features, Run, Stage, steps
from dibmg_monai.network import InitBlock, ResidualUnit

OPSET, IR_VERSION = 17, 8  # any ONNX Runtime of the last years reads them
INPUT, OUTPUT = "features", "result"


def onnx_run(stage: Stage, *, threads: int) -> Run:
    """A stage by ONNX Runtime on the processor.

    Args:
        stage: on the processor; its weights are copied.
        threads: how many to use.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Sessions that wait for their next call would keep the processor from all others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        onnx_model(stage).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def run(features: Features) -> Features:
        (result,) = session.run(None, {INPUT: features})
        return result

    return run


def onnx_model(stage: Stage) -> onnx.ModelProto:
    """A stage as a model of any batch and image size, with the input ``features`` and the output ``result``."""
    graph = _Graph()
    name = INPUT
    for part in stage.parts:
        name = graph.part(part, name)
    graph.nodes.append(helper.make_node("Identity", [name], [OUTPUT]))
    ends = [
        helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, ["N", None, f"{end} rows", f"{end} columns"])
        for end in (INPUT, OUTPUT)
    ]
    made = helper.make_graph(graph.nodes, "stage", ends[:1], ends[1:], graph.weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


class _Graph:
    """Nodes and weights as they are added; every node has one output, whose name stands for it."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"{operator}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, values: NDArray) -> str:
        name = f"constant{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def part(self, part: nn.Module, features: str) -> str:
        match part:
            case InitBlock():
                return self.part(part.pool, self.node("Relu", self.convolution(part.conv, part.bn, features)))
            case ResidualUnit():
                residual = self.node("Relu", self.convolution(part.conv1, part.bn1, features))
                residual = self.convolution(part.conv2, part.bn2, residual)
                return self.node("Relu", self.node("Add", residual, self.part(part.skip, features)))
            case nn.Conv2d():
                return self.convolution(part, None, features)
            case nn.MaxPool2d():
                return self.window("MaxPool", part, features)
            case nn.ConstantPad3d():
                more = part.padding[-1]  # channels
                return self.node("Pad", features, self.constant(np.array([0, 0, 0, 0, 0, more, 0, 0], np.int64)))
            case nn.Identity():
                return features
        raise TypeError(f"no ONNX for {type(part).__name__}")

    def convolution(self, part: nn.Conv2d, norm: nn.BatchNorm2d | None, features: str) -> str:
        names = [self.constant(values.float().numpy()) for values in folded(part, norm)]
        return self.window("Conv", part, features, *names)

    def window(self, operator: str, part: nn.Module, *inputs: str) -> str:
        (step,) = steps(part)
        sides, pads = [step.kernel] * 2, [step.padding] * 4
        return self.node(operator, *inputs, kernel_shape=sides, strides=[step.stride] * 2, pads=pads)


def folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias (float64) of a convolution that is followed by a batch normalization in evaluation mode."""
    state = {name: values.double() for name, values in convolution.state_dict().items()}
    weight, bias = state["weight"], state.get("bias", torch.zeros(convolution.out_channels, dtype=torch.double))
    if norm is None:
        return weight, bias
    known = {name: values.double() for name, values in norm.state_dict().items()}
    scale = known["weight"] / (known["running_var"] + norm.eps).sqrt()
    return weight * scale[:, None, None, None], (bias - known["running_mean"]) * scale + known["bias"]
