"""Field blocks: ``(batch, fields, dim)`` to ``(batch, out_embeddings, dim)``, the modules that DHEN puts side by side.

- `linear_block`, `attention_block`, `cross_block`, `convolution_block`, `dot_product_block`, `mlp_block`.
- `dhen_layer`: an ensemble of them with a shortcut and a norm; `FIELD_BLOCKS` names them.
"""

from tfctr.layers.field_blocks.attention_block import AttentionBlock
from tfctr.layers.field_blocks.convolution_block import ConvolutionBlock
from tfctr.layers.field_blocks.cross_block import CrossBlock
from tfctr.layers.field_blocks.dhen_layer import FIELD_BLOCKS, DHENLayer
from tfctr.layers.field_blocks.dot_product_block import DotProductBlock
from tfctr.layers.field_blocks.linear_block import LinearBlock
from tfctr.layers.field_blocks.mlp_block import MLPBlock

__all__ = [
    "FIELD_BLOCKS",
    "AttentionBlock",
    "ConvolutionBlock",
    "CrossBlock",
    "DHENLayer",
    "DotProductBlock",
    "LinearBlock",
    "MLPBlock",
]
